"""A mixin's `__init__` hands on the keyword arguments that it does not know.

`super().__init__(instructions=…)` of an assistant reaches its mixins before it reaches `Agent`. A mixin that calls
`super().__init__()` without arguments would swallow `instructions`, and `Agent` would refuse to be made without it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agent_class import Role
from lk_migrate.facts.agents import agent_of, assistant_files, find_agents
from lk_migrate.facts.constructors import Passing, init_passing, super_inits
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK118", Edition.HANDROLLED, __doc__, triggers=(b"__init__",), paths=assistant_files)


@rule.on(cst.ClassDef)
def hand_on(node: cst.ClassDef, file: File) -> Iterator[Change]:
    agent = agent_of(file.project, node)
    if agent is None or agent.role is not Role.MIXIN or agent.init is None:
        return
    init = agent.init
    users = [a for a in find_agents(file.project) if agent.ref in a.mixins and not a.is_agent]
    if not users or init_passing(init) is not Passing.BARE:
        return
    keywords = init.params.star_kwarg.name.value if init.params.star_kwarg is not None else "kwargs"
    message = f"`{agent.name}.__init__` hands on what it does not know: `{users[0].name}` gives it `instructions`"
    if init.params.star_kwarg is None:
        yield Rewrite(init.params, lambda u: u.with_changes(star_kwarg=cst.Param(cst.Name(keywords))), message)
    for call in super_inits(init):
        yield Rewrite(call, lambda updated: _with_keywords(updated, keywords), message)


def _with_keywords(updated: cst.Call, keywords: str) -> cst.Call:
    args = list(updated.args)
    if args and args[-1].comma is cst.MaybeSentinel.DEFAULT:
        args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return updated.with_changes(args=[*args, cst.Arg(star="**", value=cst.Name(keywords))])
