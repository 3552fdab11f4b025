"""Which 0.x messages have a form today (shared by LK220 and LK221)."""

from __future__ import annotations

import libcst as cst
import pytest

from lk_migrate.rules.v0.chat_messages import convertible


@pytest.mark.parametrize(
    ("call", "has_a_form"),
    [
        ('create(text="Look", images=[frame], role="user")', True),
        ('create(text="Look", **more)', False),
        ('create(images="Look", images=[frame])', False),  # Python does not compile it
    ],
)
def test_convertible(call: str, has_a_form: bool) -> None:
    expression = cst.parse_expression(call)
    assert isinstance(expression, cst.Call)
    assert convertible(expression) is has_a_form
