"""A handler of `conversation_item_added` that reads every item as a message lets the others pass.

Since 1.5.2 the event tells of handoffs, too, and the first one of every session is the handoff to its first agent: an
`AgentHandoff` has no `role` and no `text_content`, so that the handler ends there with an AttributeError in the log.
It returns unless `ev.item.type` is `"message"`, which is all that it was called for before. Handlers that ask what the
item is (`type`, `isinstance`, `hasattr`, `getattr` of its role) stay, and so does what a handler does for other events.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.instances import where_objects_may_be
from lk_migrate.facts.message_readers import ITEM_ADDED, item_handlers, reads_item
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import insert_first
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.event_doubts import payload_of


def paths(project: Project) -> frozenset[str]:
    """Where a handler can be: anywhere, if anything is registered for the event."""
    return where_objects_may_be(project) if project.paths_with([ITEM_ADDED.encode()]) else frozenset()


rule = Rule("LK347", Edition.V1, __doc__, triggers=(b".item", ITEM_ADDED.encode()), since="1.5.2", paths=paths)

_WHY = "the event tells of handoffs, too, which have no `role` and no text"


@rule.on(cst.FunctionDef)
def function(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """`@session.on("conversation_item_added")`, or a function or method that was registered for it."""
    found = file.project.fact(item_handlers)
    if node not in found.functions:
        return
    params = payload_of(node)
    if not params or not reads_item(file.project, file.module, node, params[0].name.value):
        return
    event = params[0].name.value
    if node in found.shared:
        yield Todo(node, f'{_WHY}: return unless `{event}.item.type` is `"message"` (this is called elsewhere, too).')
        return
    guard = cst.parse_statement(
        f'if {event}.item.type != "message":\n    return\n', config=file.module.tree.config_for_parsing
    )
    yield Rewrite(node, lambda updated: insert_first(updated, [guard]), _WHY)


@rule.on(cst.Lambda)
def handed_on(node: cst.Lambda, file: File) -> Iterator[Change]:
    """`session.on("conversation_item_added", lambda ev: asyncio.create_task(save(ev.item)))`."""
    if node not in file.project.fact(item_handlers).functions or not node.params.params:
        return
    event = node.params.params[0].name.value
    if not reads_item(file.project, file.module, node, event):
        return
    test = cst.parse_expression(f'{event}.item.type == "message"')

    def guarded(updated: cst.Lambda) -> cst.Lambda:
        return updated.with_changes(body=cst.IfExp(test=test, body=updated.body, orelse=cst.Name("None")))

    yield Rewrite(node, guarded, _WHY)
