"""Tools that are defined below their Agent are handed to it there (part of LK210).

A `FunctionContext` took functions as long as it lived. An `Agent` is given its tools when it is made, and those that
come later with `update_tools`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.function_contexts import later_tools
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk210_toolsets import rule as toolsets


@toolsets.on(cst.FunctionDef)
def defined_later(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """The last of them."""
    found = file.project.fact(later_tools).get(node)
    if found is None:
        return
    construction, names = found
    agent = construction.agent
    line = cst.parse_statement(f"await {agent}.update_tools([*{agent}.tools, {', '.join(names)}])")
    assert isinstance(line, cst.SimpleStatementLine)
    line = line.with_changes(leading_lines=[cst.EmptyLine(indent=False)])
    yield Rewrite(
        node,
        lambda updated: cst.FlattenSentinel([updated, line]),
        f"`{agent}` was made before: it is handed {'this tool' if len(names) == 1 else 'these tools'} now",
    )
