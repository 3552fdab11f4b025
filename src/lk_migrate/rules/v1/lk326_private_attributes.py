"""Private attributes of sessions and agents give way to the public ones.

`session._chat_ctx` is `session.history`, `agent._chat_ctx` is `agent.chat_ctx`, `agent._session` is `agent.session`
(their insides changed in every minor release). What is assigned to them is left to a person, as are the options inside
a session's models (`session.tts._opts.voice = …`): plugins have `update_options()`. What asks for these, or for a
session's `_agent`, before it reads them goes on as it did. Left, too, is the question whether there is a
`session._agent`: `current_agent` raises RuntimeError where there is none.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import Owner, framework_base, method
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import AGENT_CLASSES, instance_of, where_objects_may_be
from lk_migrate.facts.own_attributes import is_own_attribute
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.guards import is_guarded

_TRIGGERS = (b"._chat_ctx", b"._session", b"._llm", b"._stt", b"._tts", b"._vad", b"._agent", b"._opts")
rule = Rule(
    "LK326", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.0.0", safety=Safety.REVIEW, paths=where_objects_may_be
)

_SESSION = {
    "_chat_ctx": "history",
    "_llm": "llm",
    "_stt": "stt",
    "_tts": "tts",
    "_vad": "vad",
    "_agent": "current_agent",
    "_opts": "options",
}
_AGENT = {"_chat_ctx": "chat_ctx", "_session": "session", "_llm": "llm", "_stt": "stt", "_tts": "tts", "_vad": "vad"}
_MUTATORS = frozenset(
    {"add_message", "append", "insert", "extend", "pop", "clear", "remove", "sort", "truncate", "merge"}
)
_INSTEAD = {
    "_chat_ctx": "`await agent.update_chat_ctx(...)`",
    "_agent": "`session.update_agent(...)`",
    "_opts": "`session.update_options(...)`",
}


@rule.on(cst.Attribute, among=called_so(*_SESSION, *_AGENT))
def public(node: cst.Attribute, file: File) -> Iterator[Change]:
    """Only on what is shown to be a session or an agent of the framework."""
    field = node.attr.value
    table = _table(node.value, file)
    if table is None or field not in table:
        model = _model_of_session(node.value, file) if field == "_opts" else None
        if model is not None and not (is_guarded(node, field, file) and _is_only_read(node, file)):
            yield Todo(node, f"`{file.code(node)}` is private to the plugin: say it with `{model}.update_options(…)`.")
        return
    if table is _AGENT and _says_it_itself(node, table[field], file):
        return  # `def llm(self): return self._llm` would ask itself
    if field == "_session" and is_own_attribute(file.project, file.path, field):
        return  # no version of an Agent has one
    if table is _SESSION and field == "_agent" and is_guarded(node, field, file):
        return
    parent = file.parent(node)
    if isinstance(parent, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del)):
        instead = _INSTEAD.get(field, "the constructor's keyword, or `agent.update_options(...)`")
        yield Todo(node, f"`{file.code(node)}` is private: say it with {instead}.")
        return
    if table is _SESSION and field == "_agent" and _is_asked_for(node, file):
        yield Todo(
            node,
            f"`{file.code(node)}` is private, and the public `current_agent` raises RuntimeError where no agent runs: "
            'ask a flag of your own, set after `start(…)` and by `session.on("close", …)`.',
        )
        return
    if table is _AGENT and _is_changed(node, file):
        yield Todo(node, f"`{file.code(node)}` is private and changed here: use {_INSTEAD['_chat_ctx']}.")
        return
    yield Rewrite(
        node,
        lambda updated: updated.with_changes(attr=cst.Name(table[field])),
        f"`{field}` is `{table[field]}`",
    )


def _model_of_session(base: cst.BaseExpression, file: File) -> str | None:
    """`session.stt` of `session.stt`, and of `session.stt._stt` (what an adapter of 0.x was put around)."""
    while isinstance(base, cst.Attribute) and base.attr.value in ("_stt", "_tts", "_wrapped_tts"):
        base = base.value
    if not isinstance(base, cst.Attribute) or base.attr.value not in ("stt", "tts", "llm"):
        return None
    return file.code(base) if instance_of(file.project, file.module, base.value) == "AgentSession" else None


def _is_only_read(node: cst.Attribute, file: File) -> bool:
    """Whether neither the options nor one of them is set there."""
    outer: cst.CSTNode | None = node
    while isinstance(parent := file.parent(outer), (cst.Attribute, cst.Subscript)):  # type: ignore[arg-type]
        outer = parent
    return not isinstance(parent, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.Del))


def _table(base: cst.BaseExpression, file: File) -> dict[str, str] | None:
    is_self = dotted(base) == "self"
    if is_self and not file.module.is_local("self", base):
        return None  # in a class's body nothing is
    owner = file.enclosing(base, cst.ClassDef) if is_self else None
    if owner is not None:
        if any(dotted(t.target) == "self._session" for t in file.module.index.of(cst.AssignTarget)):
            return None
        kind = framework_base(file.project, Owner(file.module, owner))
    else:
        kind = instance_of(file.project, file.module, base)
    if kind == "AgentSession":
        return _SESSION
    return _AGENT if kind in AGENT_CLASSES else None


def _says_it_itself(node: cst.Attribute, public: str, file: File) -> bool:
    """Whether the agent's class has a method or property of the public name: it means that, and reads the private."""
    owner = file.enclosing(node, cst.ClassDef) if dotted(node.value) == "self" else None
    return owner is not None and method(Owner(file.module, owner), public) is not None


def _is_asked_for(node: cst.Attribute, file: File) -> bool:
    """`session._agent is not None`, `if session._agent:`, `session._agent and …`, `hasattr(session._agent, "…")`."""
    parent = file.parent(node)
    if isinstance(parent, cst.Comparison):
        return any(dotted(t.comparator) == "None" for t in parent.comparisons)
    if isinstance(parent, cst.UnaryOperation):
        return isinstance(parent.operator, cst.Not)
    if isinstance(parent, (cst.If, cst.IfExp, cst.While, cst.Assert)):
        return parent.test is node
    if isinstance(parent, cst.Arg):
        call = file.parent(parent)
        asked = dotted(call.func) if isinstance(call, cst.Call) and call.args[0] is parent else None
        return asked in ("bool", "hasattr", "isinstance") or (asked == "getattr" and len(call.args) == 3)  # type: ignore[union-attr]
    return isinstance(parent, cst.BooleanOperation)


def _is_changed(node: cst.Attribute, file: File) -> bool:
    """`agent._chat_ctx.add_message(…)`: the public `chat_ctx` is a read-only view."""
    above = [a.attr.value for a in file.module.index.ancestors(node) if isinstance(a, cst.Attribute)]
    if node.attr.value != "_chat_ctx" or not above:
        return False
    return bool({*above[:2]} & _MUTATORS)
