"""What was asked of the 0.x agent is asked of the session: `say`, `interrupt`, `aclose`, `generate_reply`, …

`session.say()` is no coroutine any more. It gives a `SpeechHandle` at once, as `await agent.say()` did when the text
was queued; awaiting it would wait until it is spoken. A stream of the LLM is spoken through `to_str_iterable()`. The
chat context belongs to the Agent and is read-only: change a copy, and give it back with `update_chat_ctx()`.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import calls_of
from lk_migrate.facts.callbacks import CALLBACKS_TODAY
from lk_migrate.facts.holdings import where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.own_attributes import is_own_attribute
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.starts import task_around
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import assigned, binding_of
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, without_keywords
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.renamed_keyword import renamed_keyword

#: No triggers: a file may have no more of a 0.x agent than the name that another one gives it.
rule = Rule("LK203", Edition.V0, __doc__, since="1.0.0", paths=where_0x_may_be)

#: What an `AgentSession` has under the same name.
_SAME = frozenset(
    {
        "say", "interrupt", "aclose", "generate_reply", "start", "on", "once", "off", "emit",
        "llm", "stt", "tts", "vad", "userdata", "agent_state", "user_state", "current_speech", "history", "input",
        "output", "update_agent", "current_agent", "shutdown", "options", "run", "commit_user_turn",
        "clear_user_turn", "turn_detection", "room_io", "drain",
    }
)  # fmt: skip
#: Attributes that other handlers of this rule, or other rules, take care of.
_HANDLED = frozenset(
    {"chat_ctx", "chat_context", "fnc_ctx", "chat_ctx_copy", "set_chat_ctx"}
    | {"_chat_ctx", "_llm", "_stt", "_tts", "_vad"}  # LK326
)


def _is_v0(node: cst.CSTNode, file: File) -> bool:
    return file.project.fact(pipelines).holdings.is_v0_agent(file.module, node)


def _owner(node: cst.Call, file: File, *names: str) -> cst.BaseExpression | None:
    """The 0.x agent whose method (one of `names`) is called."""
    func = node.func
    if isinstance(func, cst.Attribute) and func.attr.value in names and _is_v0(func.value, file):
        return func.value
    return None


@rule.on(cst.Call, among=calls_of("say"))
def say(call: cst.Call, file: File) -> Iterator[Change]:
    """`source=` is `text=`; a stream of the LLM becomes an iterable of texts."""
    if _owner(call, file, "say") is None or not call.args:
        return
    arg = next((a for a in call.args if keyword(a) in ("", "source", "text")), None)
    if arg is None:
        return
    if keyword(arg) == "source":
        yield from renamed_keyword(call, arg, "text")
    if file.project.fact(pipelines).holdings.has(file.module, arg.value, Kind.STREAM):
        yield Rewrite(arg, _as_text, "a stream is spoken through `to_str_iterable()`")


def _as_text(updated: cst.Arg) -> cst.Arg:
    value = updated.value
    if isinstance(value, (cst.Await, cst.IfExp, cst.BooleanOperation)) and not value.lpar:
        value = value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return updated.with_changes(value=cst.Call(cst.Attribute(value, cst.Name("to_str_iterable"))))


@rule.on(cst.Await)
def awaited_say(node: cst.Await, file: File) -> Iterator[Change]:
    """`await agent.say(…)` returned when the text was queued."""
    call = node.expression
    owner = _owner(call, file, "say") if isinstance(call, cst.Call) else None
    if owner is not None and not _is_replaced(owner, file):
        yield Rewrite(
            node,
            lambda updated: updated.expression.with_changes(lpar=updated.lpar, rpar=updated.rpar),
            "`say` is not a coroutine: without `await` it goes on as soon as the text is queued, as before",
        )


def _is_replaced(owner: cst.BaseExpression, file: File) -> bool:
    """Whether the file puts a function of its own in the place of `say`: only it knows whether it is awaited."""
    text = file.code(owner)
    targets = (t.target for t in file.module.index.of(cst.AssignTarget))
    return any(isinstance(t, cst.Attribute) and t.attr.value == "say" and file.code(t.value) == text for t in targets)


@rule.on(cst.AssignTarget)
def replaced_say(node: cst.AssignTarget, file: File) -> Iterator[Change]:
    """`agent.say = shout`."""
    target = node.target
    if not isinstance(target, cst.Attribute) or target.attr.value != "say":
        return
    if file.project.fact(pipelines).holdings.is_v0_agent(file.module, target.value):
        yield Note(
            node,
            "`say` of a session gives a `SpeechHandle`, whose `await` waits until all is said; a coroutine in its "
            "place runs only when it is awaited.",
        )


@rule.on(cst.Call)
def task_of_say(call: cst.Call, file: File) -> Iterator[Change]:
    """`asyncio.create_task(agent.say(…))`: there is no coroutine to make a task of."""
    for arg in call.args[:1]:
        inner = arg.value
        if isinstance(inner, cst.Call) and _owner(inner, file, "say") and task_around(file.module, inner) is call:
            yield Rewrite(call, lambda updated: updated.args[0].value, "`say` needs no task")


@rule.on(cst.Call, among=calls_of("interrupt", "generate_reply"))
def other_methods(call: cst.Call, file: File) -> Iterator[Change]:
    """Keywords that went: `interrupt(interrupt_all=)`, `generate_reply(on_duplicate=)`."""
    if _owner(call, file, "interrupt", "generate_reply") is None or not isinstance(call.func, cst.Attribute):
        return
    for arg in call.args:
        if keyword(arg) in ("interrupt_all", "on_duplicate"):
            name = keyword(arg)
            yield Rewrite(
                call,
                lambda updated, name=name: without_keywords(updated, lambda a: keyword(a) == name),  # type: ignore[misc]
                f"`{name}=` does not exist any more",
            )
        elif keyword(arg) or arg.star or call.func.attr.value != "generate_reply":
            continue
        elif find_keyword(call, "user_input") is not None:
            yield Todo(arg, "what is replied to is `user_input=`, which is given, too: keep the one that is meant.")
        else:
            yield Rewrite(arg, _user_input, "what is replied to is `user_input=`")


def _user_input(updated: cst.Arg) -> cst.Arg:
    tight = cst.AssignEqual(whitespace_before=cst.SimpleWhitespace(""), whitespace_after=cst.SimpleWhitespace(""))
    return updated.with_changes(keyword=cst.Name("user_input"), equal=tight)


@rule.on(cst.Call, among=calls_of("chat_ctx_copy", "set_chat_ctx"))
def memory(call: cst.Call, file: File) -> Iterator[Change]:
    """`agent.chat_ctx_copy()` and `agent.set_chat_ctx(c)` of the multimodal agent."""
    owner = _owner(call, file, "chat_ctx_copy", "set_chat_ctx")
    if owner is None or not isinstance(call.func, cst.Attribute):
        return
    fixed = _agent(owner, file)
    if call.func.attr.value == "chat_ctx_copy":
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(
                func=cst.parse_expression(f"{fixed or _session(updated)}.chat_ctx.copy")
            ),
            "the chat context is the Agent's",
        )
    else:
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(
                func=cst.parse_expression(f"{fixed or _session(updated)}.update_chat_ctx")
            ),
            "the chat context is the Agent's",
        )


def _agent(owner: cst.BaseExpression, file: File) -> str:
    """How the Agent is spelled here, "" if only the session is in sight."""
    return file.project.fact(pipelines).agent_for(file.module, owner) or ""


def _session(updated: cst.Call) -> str:
    """`session.current_agent`, after the session's variable got its new name."""
    func = updated.func
    assert isinstance(func, cst.Attribute)
    return f"{cst.Module([]).code_for_node(func.value)}.current_agent"


@rule.on(cst.Attribute)
def attributes(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`agent.chat_ctx`, `agent.fnc_ctx`, and what no longer exists."""
    if not _is_v0(node.value, file):
        return
    name = node.attr.value
    if name in ("chat_ctx", "chat_context", "fnc_ctx"):
        fixed = _agent(node.value, file)
        if isinstance(file.parent(node), cst.AssignTarget):
            if name == "fnc_ctx":
                yield Todo(node, "tools are changed with `await agent.update_tools([…])` now.")
            else:
                yield Todo(node, "the memory is read-only: change it with `await agent.update_chat_ctx(…)`.")
            return
        attr = "tools" if name == "fnc_ctx" else "chat_ctx"
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(
                value=cst.parse_expression(fixed) if fixed else cst.Attribute(updated.value, cst.Name("current_agent")),
                attr=cst.Name(attr),
            ),
            f"`{attr}` is the Agent's",
        )
    elif name not in _SAME | _HANDLED:
        private = _private_names(node, file) if name.startswith("_") else []
        if name in CALLBACKS_TODAY and isinstance(file.parent(node), cst.AssignTarget):
            yield Todo(node, f"nothing ever calls `{name}` of a session, as 0.x called none: {CALLBACKS_TODAY[name]}.")
            return
        if _is_put_there(node, file) or _is_given_anew(node.value, file):
            return
        if not private:
            yield Todo(node, f"an `AgentSession` has no `{name}`: find what the new API offers for it, or take it out.")
        elif private[0][0] is node:
            said = ", ".join(f"`{n}`" for n in dict.fromkeys(n for _, n in private))
            yield Todo(
                node,
                f"{said}: inner parts of the 0.x agent, and an `AgentSession` has none of them: use its events and "
                "states (`agent_state`, `current_speech`, `interrupt()`), or take this out.",
            )


def _is_given_anew(node: cst.BaseExpression, file: File) -> bool:
    """Whether the variable stands for something else, too: it is asked for what that has."""
    if not isinstance(node, cst.Name):
        return False
    values = assigned(file.module, binding_of(file.module, node))
    return any(dotted(value) != "None" and not _is_v0(value, file) for value in values)


def _is_put_there(node: cst.Attribute, file: File) -> bool:
    """`agent.opening = …`: an attribute of the project's own. A hook is none: 0.x would have to call it."""
    name, parent = node.attr.value, file.parent(node)
    if name.startswith(("_", "on_")):
        return False
    return isinstance(parent, cst.AssignTarget) or (
        not isinstance(parent, cst.Call) and is_own_attribute(file.project, file.path, name)
    )


def _private_names(node: cst.Attribute, file: File) -> list[tuple[cst.Attribute, str]]:
    """Every private attribute of a 0.x agent in the same function: one marker is enough for them."""
    scope = file.enclosing(node, cst.FunctionDef) or file.module.tree
    return [
        (other, other.attr.value)
        for other in find(scope, cst.Attribute)
        if other.attr.value.startswith("_") and other.attr.value not in _HANDLED and _is_v0(other.value, file)
    ]
