"""An `Agent` put around an assistant by hand is the assistant itself.

`Agent(instructions=assistant.instructions, tools=[…])` made an agent out of a plain object. The object is an `Agent`
now, with its tools: wrapping it again would leave its hooks and its state behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.wrappers import collectors, logs, only_lists, wrappers
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import comments_of_else, dedented
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK123",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b"Agent",),
    safety=Safety.REVIEW,
    paths=where_livekit_is_imported,
)


@rule.on(cst.Call, among=with_keyword("instructions"))
def unwrap(call: cst.Call, file: File) -> Iterator[Change]:
    wrapper = file.project.fact(wrappers).get(call)
    if wrapper is None:
        return
    assistant = file.code(wrapper.assistant)
    if wrapper.foreign:
        yield Todo(
            call,
            f"`{assistant}` is an `Agent` itself now, but the tools that this one gets are not its own: give "
            "them to it (`super().__init__(tools=…)`), or keep two agents.",
        )
    elif not wrapper.certain:
        yield Todo(call, f"`{assistant}` is an `Agent` itself now: use it instead of a copy of its prompt and tools")
    else:
        yield Replace(call, lambda updated: wrapper.assistant, f"`{assistant}` is an `Agent` itself")
        if wrapper.shortcut is not None:
            yield Remove(wrapper.shortcut, f"`{assistant}` is always an `Agent`")
        if wrapper.either is not None:
            message = f"`{assistant}` is always an `Agent`"
            yield Rewrite(wrapper.either, _the_other, message, Action.REMOVED, (wrapper.either.test,))
            if wrapper.either.orelse is not None:
                yield Rewrite(wrapper.either.orelse, lambda updated: updated, message, Action.REMOVED)
            for taken in wrapper.either.body.body:
                yield Remove(taken, message, with_comments=True)
        if wrapper.only_fills:
            for statement in wrapper.fills:
                yield Remove(statement, f"`{assistant}` has its tools by itself")
            for helper in wrapper.helpers:
                yield Remove(helper, f"only the tools around `{assistant}` were made with it")
                if isinstance(helper, cst.FunctionDef) and logs(helper):
                    yield Note(call, f"`{helper.name.value}` is gone: what it logged around a tool is not logged now")
        elif wrapper.fills:
            yield Todo(
                wrapper.fills[0],
                f"`{assistant}` brings its own tools now, so nothing uses this list: what its functions did besides "
                "calling the tools is not done any more. Take what you need over into the tools, then delete this.",
            )


def _the_other(updated: cst.If) -> Any:
    """What stood under `else:`, with the comments above either."""
    assert isinstance(updated.orelse, cst.Else)
    return dedented(updated.orelse.body, [*updated.leading_lines, *comments_of_else(updated.orelse)])


@rule.on(cst.FunctionDef)
def collector_gone(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """A method that only made the list of tools for wrappers that go."""
    if node not in file.project.fact(collectors):
        return
    if only_lists(file.project, file.module, node):
        yield Remove(node, "it only listed the tools, which the framework collects by itself")
    else:
        yield Todo(
            node,
            f"nothing asks `{node.name.value}` for the tools now, the framework collects them by itself: what it does "
            "besides is not done any more. Take what you need over into the tools, then delete this.",
        )
