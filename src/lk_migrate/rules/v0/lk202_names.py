"""The variables that held the 0.x agent get the names of what they hold now (part of LK202)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.pipelines import Pipelines, pipelines, renamed_keyword
from lk_migrate.facts.prompts import prompts
from lk_migrate.facts.realtime import raw_sessions
from lk_migrate.facts.variables import binding_of, is_variable
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk202_agent_and_session import rule as split


@split.on(cst.Name)
def variable(node: cst.Name, file: File) -> Iterator[Change]:
    """A plain name."""
    known = file.project.fact(pipelines)
    raw = file.project.fact(raw_sessions).renamed
    texts = {**raw, **file.project.fact(prompts).renamed}
    if not (known.renamed or texts) or not is_variable(file.module, node):
        return
    if not any(b.name == node.value for b in (*known.renamed, *texts)):
        return
    binding = binding_of(file.module, node)
    new = known.renamed.get(binding) or texts.get(binding)
    if new is not None and new != node.value:
        what = "is the prompt's text" if binding in texts and binding not in raw else "is the session"
        yield Rewrite(node, lambda updated: updated.with_changes(value=new), f"`{node.value}` {what}")


@split.on(cst.Attribute)
def attribute(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`self.agent`."""
    known = file.project.fact(pipelines)
    new = _attribute(known, file, node)
    if new is not None:
        yield Rewrite(
            node, lambda updated: updated.with_changes(attr=cst.Name(new)), f"`{node.attr.value}` is the session"
        )


def _attribute(known: Pipelines, file: File, node: cst.Attribute) -> str | None:
    if not any(b.attribute and b.name == node.attr.value for b in known.renamed):
        return None
    binding = known.holdings.binding(file.module, node)
    return known.renamed.get(binding) if binding is not None and binding.attribute else None


@split.on(cst.Call)
def keywords(call: cst.Call, file: File) -> Iterator[Change]:
    """`run(agent=agent)`, where the parameter was renamed."""
    known = file.project.fact(pipelines)
    if not known.renamed:
        return
    for arg in call.args:
        new = renamed_keyword(known, file.module, arg, call)
        if new is not None and arg.keyword is not None:
            name = new
            yield Rewrite(
                arg,
                lambda updated, name=name: updated.with_changes(keyword=cst.Name(name)),  # type: ignore[misc]
                f"`{arg.keyword.value}=` is the session",
            )
