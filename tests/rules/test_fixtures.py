"""Every rule against its fixtures: before → after, and what must not change comes out byte for byte.

`fixtures/rules/<ID>/<case>.before.py` + `<case>.after.py`, `<case>.same.py`, or folders `<case>/before/`,
`<case>/after/` for changes that span files. Only the fixture's own rule runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.model import Action
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import all_rules

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
RULES = {rule.id: rule for rule in all_rules()}


def tree_of(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*.py"))}


def cases() -> list[tuple[str, str, dict[str, bytes], dict[str, bytes]]]:
    found = []
    for folder in sorted(FIXTURES.iterdir()):
        for before in sorted(folder.glob("*.before.py")):
            name = before.name.removesuffix(".before.py")
            after = folder / f"{name}.after.py"
            found.append((folder.name, name, {"main.py": before.read_bytes()}, {"main.py": after.read_bytes()}))
        for same in sorted(folder.glob("*.same.py")):
            files = {"main.py": same.read_bytes()}
            found.append((folder.name, same.name.removesuffix(".py"), files, files))
        for case in sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.endswith(".note")):
            found.append((folder.name, case.name, tree_of(case / "before"), tree_of(case / "after")))
    return found


def run(rule_id: str, files: dict[str, bytes]) -> dict[str, bytes]:
    project = Project(files)
    out = dict(files)
    for path in files:
        result = convert_file(path, project, [RULES[rule_id]])
        assert result.skipped is None, result.skipped
        if result.change is not None and result.change.after is not None:
            out[path] = result.change.after
    return out


@pytest.mark.parametrize(("rule_id", "name", "before", "after"), cases(), ids=lambda v: v if isinstance(v, str) else "")
def test_fixture(rule_id: str, name: str, before: dict[str, bytes], after: dict[str, bytes]) -> None:
    once = run(rule_id, before)
    assert {p: b.decode() for p, b in once.items()} == {p: b.decode() for p, b in after.items()}
    assert run(rule_id, once) == once, "a second run must change nothing"


def noted_cases(rule_id: str) -> list[Path]:
    """Folders `<case>.note/`: no rule touches them, and this one says why."""
    return sorted((FIXTURES / rule_id).glob("*.note"))


@pytest.mark.parametrize("folder", [f for r in sorted(RULES) for f in noted_cases(r)], ids=lambda f: f.parent.name)
def test_left_alone_with_a_note(folder: Path) -> None:
    project = Project(tree_of(folder))
    results = [convert_file(path, project, list(RULES.values())) for path in project.files]
    assert not [r.path for r in results if r.change is not None]
    assert any(f.rule == folder.parent.name and f.action is Action.NOTE for r in results for f in r.findings)


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_every_rule_has_both_kinds_of_fixture(rule_id: str) -> None:
    names = [name for folder, name, before, after in cases() if folder == rule_id and before != after]
    untouched = [name for folder, name, before, after in cases() if folder == rule_id and before == after]
    assert names or noted_cases(rule_id), "no before/after fixture"
    assert untouched, "no fixture of what must not change"
