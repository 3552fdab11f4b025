"""Which files are understood together, and that nothing else is known of the others."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path

import pytest

from lk_migrate.conversion import OneByOne, convert_group
from lk_migrate.facts.groups import groups
from lk_migrate.facts.module import Module
from lk_migrate.model import Plan
from lk_migrate.plan import ConvertOptions, make_plan

FIXTURES = Path(__file__).parents[2] / "fixtures"
RULES, LEGACY = FIXTURES / "rules", FIXTURES / "legacy"


def _grouped(**files: str) -> set[frozenset[str]]:
    """Files by name (`__` for a slash, no suffix) as groups of such names."""
    named = {f"{name.replace('__', '/')}.py": text.encode() for name, text in files.items()}
    return {frozenset(p.removesuffix(".py").replace("/", "__") for p in group) for group in groups(named)}


def test_programs_of_one_file_are_groups_of_their_own() -> None:
    code = "from livekit.agents import Agent\nimport json, agents\n\nclass Host(Agent): ...\n"
    assert _grouped(a=code, b=code, livekit_helper="x = 1\n") == {
        frozenset({"a"}),
        frozenset({"b"}),
        frozenset({"livekit_helper"}),
    }


@pytest.mark.parametrize(
    "line",
    [
        "import base",
        "import os, base as b",
        "from base import thing",
        "from base import *",
        "from . import base",
        "from .base import thing",
        "from base import (  # why\n    thing,\n)",
        "try: import base\nexcept ImportError: pass",
        "x = 1; import base",
        "def late():\n    from base import thing",
        "import importlib\nbase = importlib.import_module('base')",
        "base = __import__(\n    'base')",
    ],
)
def test_an_import_of_any_kind_joins(line: str) -> None:
    assert _grouped(user=line + "\n", base="thing = 1\n", apart="base = 2\n") == {
        frozenset({"user", "base"}),
        frozenset({"apart"}),
    }


def test_who_imports_the_same_file_is_joined_by_it() -> None:
    found = _grouped(one="import shared\n", two="from shared import x\n", shared="x = 1\n", three="x = 1\n")
    assert found == {frozenset({"one", "two", "shared"}), frozenset({"three"})}


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("import desk.spa", "desk__spa"),
        ("from desk import spa", "desk__spa"),
        ("import desk\nprint(desk.spa)", "desk__spa"),
        ("from desk.rooms.pool import Pool", "desk__rooms__pool"),
        ("import importlib\nfor name in NAMES: importlib.import_module(f'desk.{name}')", "desk__spa"),
        ("from lib import spa", "src__lib"),
        # a program that is started in another folder, or sets its path
        ("from rooms.pool import Pool", "desk__rooms__pool"),
        ("import sys\nsys.path.append('desk/rooms')\nimport pool", "desk__rooms__pool"),
    ],
)
def test_packages_and_folders_are_followed(importer: str, imported: str) -> None:
    files = {"desk__spa": "x = 1\n", "desk__rooms__pool": "class Pool: ...\n", "src__lib": "spa = 1\n"}
    joined = next(g for g in _grouped(main=importer + "\n", **files) if "main" in g)
    assert joined == {"main", imported}


def test_a_library_is_not_a_file_of_that_name_in_another_program() -> None:
    found = _grouped(one__agent="import twilio\n", two__twilio="x = 1\n")
    assert found == {frozenset({"one__agent"}), frozenset({"two__twilio"})}


def test_of_several_files_the_nearest_is_meant() -> None:
    found = _grouped(
        one__tests__test_agent="import agent\n",
        one__src__agent="",
        two__src__agent="",
        two__tests__test_agent="from agent import x\n",
    )
    assert found == {
        frozenset({"one__tests__test_agent", "one__src__agent"}),
        frozenset({"two__tests__test_agent", "two__src__agent"}),
    }


def test_a_package_belongs_to_what_is_imported_from_it() -> None:
    files = {"main.py": b"import desk.spa\n", "desk/__init__.py": b"from desk import gate\n", "desk/other.py": b""}
    found = groups({**files, "desk/spa.py": b"", "desk/gate.py": b""})
    assert found == (("desk/__init__.py", "desk/gate.py", "desk/spa.py", "main.py"), ("desk/other.py",))


def test_a_group_that_is_converted_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """At once, and without a search for cycles: that is what keeps a plan of many files small."""
    seen: list[weakref.ref[Module]] = []
    parse = Module.parse

    def parsed(path: str, data: bytes) -> Module:
        module = parse(path, data)
        seen.append(weakref.ref(module))
        return module

    monkeypatch.setattr(Module, "parse", parsed)
    files = {
        f"{app}/{p.name}": p.read_bytes() for app in ("early_1x", "pipeline_0x") for p in (LEGACY / app).glob("*.py")
    }
    gc.collect()
    gc.disable()
    try:
        assert any(r.change for r in convert_group(files, ConvertOptions(), lambda path: None, OneByOne()).results)
        left = [module.path for known in seen if (module := known()) is not None]
    finally:
        gc.enable()
    assert len(seen) > 1
    assert not left


def _of(plan: Plan, path: str) -> tuple[list[object], ...]:
    changes = [c for c in plan.changes if c.path == path]
    findings = [f for f in plan.findings if f.place.path == path]
    entries = [e for e in plan.ledger if e.place.path == path]
    skipped = [s for s in plan.skipped if s.path == path]
    return changes, findings, entries, skipped


def test_files_that_stand_beside_each_other_are_converted_as_if_each_were_alone() -> None:
    """One case of every rule, all in one project. (The rules see what is near by bare names, too.)"""
    cases = {folder.name: next(iter(sorted(folder.glob("*.before.py"))), None) for folder in sorted(RULES.iterdir())}
    files = {f"{name}.py": case.read_bytes() for name, case in cases.items() if case is not None}
    telling = {p: data for p, data in files.items() if b"livekit" in data}  # others are only looked at when alone
    options = ConvertOptions(no_main=True)
    together = make_plan(telling, options)
    assert len(telling) > 40
    assert sum(len(_of(together, path)[1]) > 0 for path in telling) > 40
    for path, data in telling.items():
        assert _of(together, path) == _of(make_plan({path: data}, options), path), path
