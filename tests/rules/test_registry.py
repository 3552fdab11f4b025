"""What rules share: a project is asked once what concerns whom."""

from __future__ import annotations

from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rules.registry import Rule


def test_the_files_that_concern_a_rule_are_found_once_for_a_project() -> None:
    asked = []

    def paths(project: Project) -> frozenset[str]:
        asked.append(project)
        return frozenset({"a.py"})

    rule = Rule("LK999", Edition.V1, "Nothing.", paths=paths)
    project = Project({f"{name}.py": b"" for name in "abc"})
    assert [path for path in project.files if rule.concerns(project, path)] == ["a.py"]
    assert len(asked) == 1
