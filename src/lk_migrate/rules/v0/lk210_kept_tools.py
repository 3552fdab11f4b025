"""A bare `FunctionContext` in an attribute, filled out of sight of the agent, is a list of tools (part of LK210)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.kept_tools import kept_tools
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk210_toolsets import rule as toolsets


@toolsets.on(cst.FunctionDef)
def added(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`@self.tools.ai_callable()` became `@function_tool`; the function goes into the list below it."""
    box = file.project.fact(kept_tools).added.get(node)
    if box is None:
        return
    line = cst.parse_statement(f"{box}.append({node.name.value})", config=file.module.tree.config_for_parsing)
    assert isinstance(line, cst.SimpleStatementLine)
    line = line.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    yield Rewrite(node, lambda updated: cst.FlattenSentinel([updated, line]), f"it goes into the list `{box}`")
