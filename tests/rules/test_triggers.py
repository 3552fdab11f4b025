"""The words for which a rule looks at a file at all: no statement of its fixtures is missed for want of one.

A file has many words, and another rule may bring in the one that a rule waits for: then only a second run finds it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.model import Finding
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import Rule, all_rules

_FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
_WITH_TRIGGERS = [rule for rule in all_rules() if rule.handlers and rule.triggers]


def alone(text: str) -> Iterator[str]:
    """Each statement of a file with the imports that it needs, and nothing else."""
    body = ast.parse(text).body
    imports = [s for s in body if isinstance(s, (ast.Import, ast.ImportFrom))]
    for statement in body:
        if statement in imports:
            continue
        used = {n.id for n in ast.walk(statement) if isinstance(n, ast.Name)}
        asked = [
            type(s)(**{**vars(s), "names": names})
            for s in imports
            if (names := [a for a in s.names if (a.asname or a.name).partition(".")[0] in used])
        ]
        yield "\n".join([*map(ast.unparse, asked), ast.unparse(statement)]) + "\n"


def said(rule: Rule, data: bytes) -> tuple[bytes | None, tuple[Finding, ...]]:
    result = convert_file("main.py", Project({"main.py": data}), [rule])
    return result.change.after if result.change is not None else None, result.findings


@pytest.mark.parametrize("rule", _WITH_TRIGGERS, ids=lambda rule: rule.id)
def test_no_statement_is_missed(rule: Rule) -> None:
    always = replace(rule, triggers=())
    for path in sorted((_FIXTURES / rule.id).rglob("*.py")):
        for text in dict.fromkeys(alone(path.read_text())):
            data = text.encode()
            if not any(word in data for word in rule.triggers):
                assert said(rule, data) == said(always, data), f"{path}:\n{text}"
