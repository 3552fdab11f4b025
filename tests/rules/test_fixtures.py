"""Every rule against its fixtures: before → after, and what must not change comes out byte for byte.

`fixtures/rules/<ID>/<case>.before.py` + `<case>.after.py`, `<case>.same.py`, or folders `<case>/before/`,
`<case>/after/` for changes that span files, manifests among them. `<case>/findings.txt` says what is found, one
`path:line action` a line: it is how a rule that only reports is tested. Only the fixture's own rule runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.names import is_manifest
from lk_migrate.manifests.plan import plan_manifests
from lk_migrate.model import Finding
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import all_rules

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
RULES = {rule.id: rule for rule in all_rules()}


@dataclass(frozen=True)
class Case:
    """One fixture. `findings` is None where the fixture does not say what is found."""

    rule: str
    name: str
    before: dict[str, bytes]
    after: dict[str, bytes]
    findings: list[str] | None = None

    @property
    def acts(self) -> bool:
        """Whether the rule has something to change or to say here."""
        return self.before != self.after or bool(self.findings)


def tree_of(folder: Path) -> dict[str, bytes]:
    files = ((p.relative_to(folder).as_posix(), p) for p in sorted(folder.rglob("*")) if p.is_file())
    return {name: p.read_bytes() for name, p in files if name.endswith(".py") or is_manifest(name)}


def cases() -> list[Case]:
    found = []
    for folder in sorted(FIXTURES.iterdir()):
        for before in sorted(folder.glob("*.before.py")):
            name = before.name.removesuffix(".before.py")
            after = folder / f"{name}.after.py"
            found.append(Case(folder.name, name, {"main.py": before.read_bytes()}, {"main.py": after.read_bytes()}))
        for same in sorted(folder.glob("*.same.py")):
            files = {"main.py": same.read_bytes()}
            found.append(Case(folder.name, same.name.removesuffix(".py"), files, files))
        for case in sorted(p for p in folder.iterdir() if p.is_dir()):
            said = case / "findings.txt"
            findings = said.read_text().splitlines() if said.exists() else None
            found.append(Case(folder.name, case.name, tree_of(case / "before"), tree_of(case / "after"), findings))
    return found


def run(rule_id: str, files: dict[str, bytes]) -> tuple[dict[str, bytes], list[Finding]]:
    python = {path: data for path, data in files.items() if path.endswith(".py")}
    project = Project(python)
    out = dict(files)
    findings: list[Finding] = []
    for path in python:
        result = convert_file(path, project, [RULES[rule_id]])
        assert result.skipped is None, result.skipped
        findings += result.findings
        if result.change is not None and result.change.after is not None:
            out[path] = result.change.after
    manifests = plan_manifests(out, imported_modules(out), {rule_id})
    for change in manifests.changes:
        assert change.before == files[change.path] and change.after is not None
        out[change.path] = change.after
    return out, [*findings, *manifests.findings]


@pytest.mark.parametrize("case", cases(), ids=lambda case: f"{case.rule}-{case.name}")
def test_fixture(case: Case) -> None:
    once, findings = run(case.rule, case.before)
    assert {p: b.decode() for p, b in once.items()} == {p: b.decode() for p, b in case.after.items()}
    if case.findings is not None:
        assert sorted(f"{f.place} {f.action.value}" for f in findings) == case.findings
    assert run(case.rule, once)[0] == once, "a second run must change nothing"


@pytest.mark.parametrize("rule_id", sorted(RULES))
def test_every_rule_has_both_kinds_of_fixture(rule_id: str) -> None:
    assert [c for c in cases() if c.rule == rule_id and c.acts], "no fixture of what it does"
    untouched = [c for c in cases() if c.rule == rule_id and not c.acts]
    assert untouched, "no fixture of what must not change"
