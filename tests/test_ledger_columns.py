"""A ledger held by column is the same entries."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lk_migrate.ledger import changed, joined, packed
from lk_migrate.model import Fate, LedgerEntry, Place

_PLACES = st.builds(Place, st.sampled_from(["main.py", "a/b.py"]), st.integers(1, 100_000), st.integers(1, 100_000))
_ENTRIES = st.lists(
    st.builds(
        LedgerEntry,
        _PLACES,
        st.sampled_from(Fate),
        st.sampled_from(["", "LK101"]),
        st.sampled_from(["", "gone", "moved"]),
        st.none() | _PLACES,
    )
)


@given(_ENTRIES, _ENTRIES)
def test_what_goes_in_comes_out(one: Sequence[LedgerEntry], other: Sequence[LedgerEntry]) -> None:
    ledger = packed(one)
    assert list(ledger) == list(one) and len(ledger) == len(one)
    assert [ledger[i] for i in range(-len(one), len(one))] == [*one, *one]
    assert ledger[1:3] == list(one[1:3])
    assert list(joined((ledger, other))) == [*one, *other]
    assert pickle.loads(pickle.dumps(ledger)) == ledger
    assert (ledger == packed(other)) is (list(one) == list(other))


def test_other_words_for_the_same() -> None:
    gone = LedgerEntry(Place("a.py", 1, 2), Fate.REMOVED, "LK101", "sk-1")
    entries = [gone, LedgerEntry(Place("a.py", 3, 3), Fate.KEPT)]
    told = packed(entries).with_reasons(lambda why: why.replace("sk-1", "…"))
    assert [e.why for e in told] == ["…", ""]
    assert list(packed(entries)) == entries


def test_there_is_no_entry_beyond_the_last() -> None:
    with pytest.raises(IndexError):
        packed([])[0]


@given(_ENTRIES, _ENTRIES)
def test_what_is_changed(one: Sequence[LedgerEntry], other: Sequence[LedgerEntry]) -> None:
    wanted = [e if e.place.path == "main.py" else replace(e, why="new") for e in (*one, *other)]
    for entries in (joined((one, other)), [*one, *other]):
        assert list(changed(entries, lambda e: replace(e, why="new"), {"main.py"})) == wanted
