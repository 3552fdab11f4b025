"""The calls that rules are asked about."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.module import Module


def test_a_call_that_gives_a_keyword_twice_is_left_alone() -> None:
    module = Module.parse(
        "main.py", b"once(extra=1, other=2)\ntwice(other=1, extra=2, extra=3)\nboth(other=1, extra=2)\n"
    )

    found = with_keyword("extra", "other")(module, cst.Call)

    assert [cst.ensure_type(cst.ensure_type(call, cst.Call).func, cst.Name).value for call in found] == ["once", "both"]
