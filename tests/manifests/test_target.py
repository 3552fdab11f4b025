"""The facts about the target, against the metadata of the release that is installed."""

from __future__ import annotations

from importlib.metadata import metadata, requires

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from lk_migrate.manifests import target


def requirements(package: str) -> list[Requirement]:
    return [Requirement(text) for text in requires(package) or ()]


def test_needs_are_those_of_the_installed_release() -> None:
    declared: dict[str, SpecifierSet] = {}
    for package in ("livekit-agents", "livekit-plugins-openai"):
        for requirement in requirements(package):
            name = canonicalize_name(requirement.name)
            if requirement.marker is None:
                declared[name] = declared.get(name, SpecifierSet()) & requirement.specifier
    for name, need in target.NEEDS.items():
        ours = SpecifierSet(need.specifier)
        for version in _around(str(declared[name]) + "," + need.specifier):
            assert ours.contains(version) == declared[name].contains(version), (name, str(version))


def _around(specifiers: str) -> list[Version]:
    """The versions that the clauses name, their neighbours, and far ones."""
    named = [Version(clause.lstrip("=<>~!")).release for clause in specifiers.split(",")]
    near = [(*r[:-1], max(r[-1] + step, 0)) for r in named for step in (-1, 0, 1)]
    return [Version(".".join(map(str, r))) for r in [*near, (0, 0, 1), (3, 999), (4,), (10_000,)]]


def test_extras_are_those_of_the_installed_release() -> None:
    for requirement in requirements("livekit-agents"):
        name = canonicalize_name(requirement.name)
        if not name.startswith("livekit-plugins-"):
            continue
        extra = str(requirement.marker).rpartition("== ")[2].strip('"')
        assert target.extra_of(name) == extra
        assert target.package_of_extra(extra) == name
        goal = target.goal_of(name)
        if goal is not None:
            assert requirement.specifier.contains(goal.version), name
        else:
            assert name in target.OWN_LINE, name
    extras = set(metadata("livekit-agents").get_all("Provides-Extra") or ())
    assert {target.extra_of(p) for p in target.GONE} & extras == set()


def test_python_is_that_of_the_installed_release() -> None:
    python = SpecifierSet(metadata("livekit-agents")["Requires-Python"])
    low, high = (".".join(map(str, v)) for v in (target.PYTHON_FLOOR, target.PYTHON_CEILING))
    assert python == SpecifierSet(f">={low},<{high}")
