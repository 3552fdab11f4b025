"""How alike lines are: what is counted, and that it is counted as the definition says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from lk_migrate.rewrite.alike import alike

_TEXTS = st.text("ab_é", max_size=9)


def _in_common(one: str, other: str) -> int:
    """The longest common subsequence, by the book."""
    row = [0] * (len(other) + 1)
    for a in one:
        above = row[:]
        for n, b in enumerate(other):
            row[n + 1] = above[n] + 1 if a == b else max(above[n + 1], row[n])
    return row[-1]


@given(_TEXTS, st.lists(_TEXTS, max_size=4), st.sampled_from((0.0, 0.5, 0.77, 1.0)))
def test_counts_what_two_lines_have_in_common(text: str, lines: list[str], least: float) -> None:
    shares = {n: 2 * _in_common(text, line) / (len(text) + len(line)) for n, line in enumerate(lines) if text or line}
    found = dict(alike(text, lines, least))
    assert found.keys() == {n for n, share in shares.items() if share > least - 1e-9}
    assert all(abs(score - shares[n]) < 1e-9 for n, score in found.items())


def test_says_how_alike_and_leaves_out_what_is_less() -> None:
    lines = ["room_options = RoomOptions(", "", "return None", "room_options = RoomInputOptions("]
    assert [n for n, _ in alike("room_input_options = RoomInputOptions(", lines, 0.77)] == [0, 3]
    assert list(alike("return", ["return"], 1.0)) == [(0, 1.0)]
