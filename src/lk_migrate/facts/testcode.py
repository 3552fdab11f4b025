"""Which files hold tests: what they say of the code is no reason to keep it."""

from __future__ import annotations

import re

_TEST_PATH = re.compile(r"(^|/)(tests?|testing|fixtures)/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


def is_test(path: str) -> bool:
    """Whether a file belongs to the tests, by its name or a folder above it."""
    return _TEST_PATH.search(path) is not None
