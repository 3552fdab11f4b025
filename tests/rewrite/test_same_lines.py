"""Equal lines of two texts, also of long ones that repeat themselves."""

from __future__ import annotations

import time
from difflib import SequenceMatcher
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from lk_migrate.rewrite import same_lines as module
from lk_migrate.rewrite.same_lines import same_lines

LINES = st.lists(st.sampled_from("abcdefgh"), max_size=30)


@settings(deadline=None)  # a loaded machine is no bug
@given(LINES, LINES, st.sampled_from([0, 250_000]))
def test_pairs_are_equal_and_in_order(old: list[str], new: list[str], small: int) -> None:
    kept, module._SMALL = module._SMALL, small
    try:
        pairs = list(same_lines(old, new))
    finally:
        module._SMALL = kept
    assert all(old[i] == new[j] for i, j in pairs)
    assert all(a < c and b < d for (a, b), (c, d) in pairwise(pairs))
    if old == new:
        assert len(pairs) == len(old)


def test_an_edit_in_a_short_text_is_found_as_difflib_does() -> None:
    old, new = list("import;class;def;return;end"), list("import;klass;def;more;return;end")
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    assert len(list(same_lines(old, new))) == sum(b.size for b in blocks)


def test_long_texts_that_repeat_themselves_take_no_time() -> None:
    old = [line for n in range(10_000) for line in (f"def f{n}(x):", "return x", "")]
    new = ["import x", *(line.replace("f77(", "g77(") for line in old), "end"]
    begun = time.process_time()
    pairs = list(same_lines(old, new))
    assert time.process_time() - begun < 5
    assert len(pairs) == len(old) - 1
