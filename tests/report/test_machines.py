"""What machines read: JSON against its published schema, SARIF against the standard's, annotations, the patch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from email.message import Message
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

import in_process
import jsonschema
import pytest
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif
from report_support import FILES

from lk_migrate.model import Action, FileChange, Finding, Place, Plan
from lk_migrate.report.catalog import _published
from lk_migrate.report.data import ledger, report, todo
from lk_migrate.report.diff import patch
from lk_migrate.report.github import workflow_commands
from lk_migrate.report.present import after_conversion, before_conversion
from lk_migrate.report.sarif import sarif

ROOT = Path(__file__).parents[2]
SCHEMA: dict[str, Any] = json.loads((ROOT / "docs" / "report.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for path, data in FILES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def test_the_report_keeps_to_its_schema(plan: Plan, project: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    VALIDATOR.validate(json.loads(json.dumps(report(plan) | {"ledger": ledger(plan), "todo": todo(plan)})))
    for arguments in (["scan"], ["convert", "--dry-run"], ["convert"]):
        VALIDATOR.validate(json.loads(in_process.run(project, *arguments, "--json").stdout))
    (record,) = (project / ".lk-migrate" / "ledger").glob("*.json")
    data = json.loads(record.read_text())
    VALIDATOR.validate(data)
    assert data["backup"] == record.stem and data["ledger"] and data["todo"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("schema", 2),
        ("left", -1),
        ("findings", [{"rule": "LK1"}]),
        ("changes", [{"path": "/etc/x", "kind": "changed"}]),
    ],
)
def test_the_schema_refuses_what_is_wrong(plan: Plan, field: str, value: Any) -> None:
    assert not VALIDATOR.is_valid(report(plan) | {field: value})


def test_sarif_is_what_the_standard_says(plan: Plan) -> None:
    for findings in (before_conversion(plan), after_conversion(plan)):
        document = json.loads(json.dumps(sarif(findings)))
        parsed = Sarif.model_validate(document)
        assert len(parsed.runs[0].results or []) == len(findings) > 0
        (run,) = document["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
        assert all("ignore" in r["help"]["markdown"] or "--no-main" in r["help"]["markdown"] for r in rules), (
            "the switch"
        )
        prints = [r["partialFingerprints"]["lkMigrate/v1"] for r in run["results"]]
        assert len(set(prints)) == len(prints)
    with pytest.raises(ValueError, match="extra"):
        Sarif.model_validate(document | {"surprise": 1})


def test_sarif_links_to_the_rules_where_the_package_names_them(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """`[project.urls]` of whoever publishes it; a file of this machine helps nobody else."""

    def helps() -> set[str | None]:
        _published.cache_clear()
        rules = sarif(plan.findings)["runs"][0]["tool"]["driver"]["rules"]
        return {rule.get("helpUri", "").partition("#")[0] for rule in rules}

    assert helps() == {""}
    known = Message()
    known["Project-URL"] = "Rules, https://example.org/rules"
    monkeypatch.setattr("importlib.metadata.metadata", lambda name: known)
    assert helps() == {"https://example.org/rules"}
    monkeypatch.undo()
    _published.cache_clear()


def test_sarif_survives_odd_names() -> None:
    finding = Finding("LK301", Action.TODO, Place("a b/ü\udcff.py", 3, 4), "x", column=2)
    (result,) = sarif([finding])["runs"][0]["results"]
    location = result["locations"][0]["physicalLocation"]
    assert location["artifactLocation"]["uri"] == "a%20b/%C3%BC%FF.py"
    assert location["region"] == {"startLine": 3, "endLine": 4, "startColumn": 3}


def test_fingerprints_do_not_move_with_the_lines(plan: Plan) -> None:
    def prints(findings: tuple[Finding, ...]) -> list[str]:
        return [r["partialFingerprints"]["lkMigrate/v1"] for r in sarif(findings)["runs"][0]["results"]]

    moved = tuple(
        replace(f, place=replace(f.place, line=f.place.line + 9, end_line=f.place.end_line + 9)) for f in plan.findings
    )
    assert prints(moved) == prints(plan.findings)


def test_after_a_conversion_only_markers_are_left_at_their_new_lines(plan: Plan) -> None:
    new = (next(c.after for c in plan.changes if c.path == "main.py") or b"").decode().splitlines()
    left = after_conversion(plan)
    assert left and all(f"TODO(lk-migrate {f.rule})" in new[f.place.line - 1] for f in left)


def test_annotations(plan: Plan) -> None:
    lines = list(workflow_commands(before_conversion(plan)))
    assert sum(line.startswith("::warning file=main.py,line=") for line in lines) == len(plan.todo)
    assert any(
        line.startswith("::notice file=services/desk.py,") and "(5 places in this file)" in line for line in lines
    )


def test_an_annotation_cannot_be_broken_out_of() -> None:
    finding = Finding("LK301", Action.TODO, Place("a,b:c\n::error::.py", 1, 1), "100 %\n::error::no")
    (line,) = workflow_commands([finding])
    assert "\n" not in line and line.startswith("::warning file=a%2Cb%3Ac%0A%3A%3Aerror%3A%3A.py,line=1")
    assert line.endswith("::100 %25%0A::error::no")


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_patch_is_what_git_applies(project: Path, plan: Plan) -> None:
    done = in_process.run(project, "convert", "--dry-run", "--patch", "lk.patch")
    assert done.returncode == 3 and "wrote lk.patch" in done.stderr
    subprocess.run(["git", "apply", "lk.patch"], cwd=project, check=True)
    for change in plan.changes:
        assert (project / change.path).read_bytes() == change.after


def test_patches_of_new_empty_and_deleted_files(tmp_path: Path) -> None:
    changes = [
        FileChange("new.py", None, b"x = 1"),
        FileChange("old.py", b"gone\r\n", None),
        FileChange("a.py", b"a\r\nb\n", b"a\r\nc\n"),
    ]
    for change in changes:
        if change.before is not None:
            (tmp_path / change.path).write_bytes(change.before)
    (tmp_path / "p").write_bytes(patch(changes))
    subprocess.run(["git", "apply", "p"], cwd=tmp_path, check=True)
    assert (tmp_path / "new.py").read_bytes() == b"x = 1"
    assert not (tmp_path / "old.py").exists()
    assert (tmp_path / "a.py").read_bytes() == b"a\r\nc\n"


def test_outputs_of_convert(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = in_process.run(project, "convert", "--check", "--sarif", "x.sarif", "--github")
    assert done.returncode == 1 and "::warning file=main.py" in done.stderr and "::" not in done.stdout
    assert json.loads((project / "x.sarif").read_text())["version"] == "2.1.0"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert "::notice" in in_process.run(project, "convert", "--check").stderr
    monkeypatch.delenv("GITHUB_ACTIONS")
    assert "::" not in in_process.run(project, "convert", "--check").stderr
    refused = in_process.run(project, "convert", "--check", "--sarif", "no/such/folder/x")
    assert refused.returncode == 2 and "no/such/folder/x cannot be written" in refused.stderr


def test_hooks_name_commands_that_exist() -> None:
    from lk_migrate.cli.app import COMMANDS

    entries = [
        line.split("lk-migrate ", 1)[1].split()[0]
        for line in (ROOT / ".pre-commit-hooks.yaml").read_text().splitlines()
        if line.strip().startswith("entry:")
    ]
    assert entries == ["convert", "todo"] and set(entries) <= set(COMMANDS)
