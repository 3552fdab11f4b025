"""Pins: raised in the way they were written, and only when they have to be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from lk_migrate.manifests.pins import UnknownPin, collides, is_below, raised
from lk_migrate.manifests.target import NEEDS, Goal

AGENTS = Goal("1.8", "1.8.9")


@pytest.mark.parametrize(
    "pins",
    [
        "",
        "*",
        "~=1.8",
        "~=1.8.2",
        ">=1.8",
        ">=1.8.9,<1.9",
        "==1.8.9",
        "==1.8.*",
        "^1.8",
        ">=1.9",
        "==2.0.1",
        "<2",
        "!=1.2",
    ],
)
def test_on_the_line_or_above_stays(pins: str) -> None:
    assert not is_below(pins, AGENTS)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("~=1.2", "~=1.8"),
        ("~= 0.12.3", "~= 1.8.9"),
        ("==1.2", "==1.8.9"),
        ("==1.2.18", "==1.8.9"),
        ("===0.8.1", "===1.8.9"),
        ("==1.2.*", "==1.8.*"),
        ("==1.*", "==1.8.*"),
        (">=1", ">=1.8"),
        (">0.12", ">1.8"),
        (">=0.12.0,<1.0.0", ">=1.8.9,<2.0.0"),
        (">=1.2, <1.3", ">=1.8, <1.9"),
        (">=0.8,<=0.12.1", ">=1.8,<=1.8.9"),
        (">=1.0,!=1.3.2,<2", ">=1.8,!=1.3.2,<2"),
        ("<1.0", ">=1.8,<2.0"),
        ("^0.12", "^1.8"),
        ("~1.2.3", "~1.8.9"),
        ("0.12.3", "1.8.9"),
        ("1.2.*", "1.8.*"),
        (">=1.8.0rc1,<1.8", ">=1.8.0rc1,<1.8"),
    ],
)
def test_raised_in_the_same_style(before: str, after: str) -> None:
    assert (raised(before, AGENTS) if is_below(before, AGENTS) else before) == after


@pytest.mark.parametrize("pins", ["^1.2 || ^2.0", "latest", "1.2-x-3", "${VERSION}", ">=1.2;<2"])
def test_other_languages_are_refused(pins: str) -> None:
    with pytest.raises(UnknownPin):
        is_below(pins, AGENTS)


numbers = st.lists(st.integers(0, 30), min_size=2, max_size=4).map(lambda parts: ".".join(map(str, parts)))
single = st.builds("{}{}".format, st.sampled_from(["==", "~=", ">=", "<", "<="]), numbers)
ranges = st.builds(">={},<{}".format, numbers, numbers)


@given(st.one_of(single, ranges))
def test_what_is_raised_lets_in_the_tested_release_and_none_before_the_line(pins: str) -> None:
    if is_below(pins, AGENTS):
        after = SpecifierSet(raised(pins, AGENTS))
        assert after.contains(Version("1.8.9"))
        assert not after.contains(Version("1.7.5")) and not after.contains(Version("0.12.20"))
        assert not is_below(str(after), AGENTS)


@given(single, st.sampled_from(sorted(NEEDS)), st.lists(st.integers(0, 40), min_size=3, max_size=3))
def test_a_collision_means_that_no_version_fits_both(pins: str, package: str, release: list[int]) -> None:
    needed, version = NEEDS[package].specifier, Version(".".join(map(str, release)))
    if collides(pins, needed):
        assert not (SpecifierSet(pins).contains(version) and SpecifierSet(needed).contains(version))


@pytest.mark.parametrize("package", sorted(p for p, need in NEEDS.items() if need.goal))
@pytest.mark.parametrize("old", ["==0.1.2", "~=0.1", ">=0.1,<1", "<1", "<=0.9.1"])
def test_a_raised_need_no_longer_collides(package: str, old: str) -> None:
    need = NEEDS[package]
    assert need.goal is not None and collides(old, need.specifier)
    assert SpecifierSet(need.specifier).contains(need.goal.version)
    assert SpecifierSet(raised(old, need.goal)).contains(need.goal.version)
