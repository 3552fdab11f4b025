"""An assistant class derives from `Agent`.

A session is started with an `Agent`: the class that holds the prompt and the tools becomes one itself. When several
assistants share a base class of the project, that base gets the `Agent` base and the others inherit it. Mixins keep
their place before it, so that their methods still win.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import agent_of, assistant_files, blocked_agents
from lk_migrate.facts.imports import dotted
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK110", Edition.HANDROLLED, __doc__, triggers=(b"class ",), paths=assistant_files)

#: Bases that must stay behind `Agent`.
_LAST = frozenset({"ABC", "abc.ABC", "Generic", "typing.Generic"})


@rule.on(cst.ClassDef)
def derive_from_agent(node: cst.ClassDef, file: File) -> Iterator[Change]:
    obstacle = blocked_agents(file.project).get(node)
    if obstacle:
        yield Todo(
            node,
            f"`{node.name.value}` is an assistant, but {obstacle}: derive it from `Agent`, call "
            "`Agent.__init__(self, instructions=…)` and decorate its tools with `@function_tool`",
        )
        return
    agent = agent_of(file.project, node)
    if agent is None or not agent.takes_base:
        return
    name = file.use("livekit.agents.Agent")
    tools = len(agent.all_tools) + len(agent.inline_tools)
    why = f"with {tools} tools" if tools else "the base of other assistants"
    yield Rewrite(node, lambda updated: _with_base(updated, name), f"`{agent.name}` ({why}) derives from `Agent`")


def _with_base(updated: cst.ClassDef, name: str) -> cst.ClassDef:
    bases = [b for b in updated.bases if dotted(b.value) != "object"]
    at = next((i for i, b in enumerate(bases) if _spelling(b.value) in _LAST), len(bases))
    new = cst.Arg(cst.parse_expression(name))
    if at < len(bases):
        new = new.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    elif bases and bases[-1].comma is cst.MaybeSentinel.DEFAULT:
        bases[-1] = bases[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    bases.insert(at, new)
    return updated.with_changes(bases=bases)


def _spelling(base: cst.BaseExpression) -> str | None:
    return dotted(base.value if isinstance(base, cst.Subscript) else base)
