"""An answer that was assembled by hand (copy the context, add a message, ask the LLM, say it) is `generate_reply`.

0.x had no way to answer a text, so that its examples, and everybody after them, wrote these four statements. A session
has `generate_reply(user_input=…)`, which also keeps the text in the history and may call the agent's tools. Besides, a
session's `llm` may be a realtime model, which has no `chat`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.holdings import holdings, where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.prompts import role_of
from lk_migrate.facts.v0_names import TRIGGERS, Kind, llm_name
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.arguments import keyword, keyword_arg
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK226",
    Edition.V0,
    __doc__,
    triggers=(*TRIGGERS, b".chat("),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=where_0x_may_be,
)

Line = cst.SimpleStatementLine


@dataclass(frozen=True)
class Answer:
    """`copied`, `added`, `asked`, `said`: the four lines; `agent`: the 0.x agent; `options`: keywords of `say`."""

    copied: Line
    added: Line
    asked: Line
    said: Line
    agent: cst.BaseExpression
    options: tuple[cst.Arg, ...]


@rule.on(cst.IndentedBlock)
def answers(block: cst.IndentedBlock, file: File) -> Iterator[Change]:
    """Four neighbours in a block."""
    for at in range(len(block.body) - 3):
        found = _answer(block.body[at : at + 4], file)
        if found is not None:
            yield from _replied(found, file)


def _replied(found: Answer, file: File) -> Iterator[Change]:
    session = file.project.fact(pipelines).spelled(file.module, found.agent)
    why = "a session answers a text with `generate_reply(user_input=…)`"
    texts: list[cst.BaseExpression] = []

    def taken(updated: Line) -> cst.BaseStatement:
        texts.append(_text(updated))
        return gap(updated.leading_lines)

    def replied(updated: Line) -> Line:
        args = [keyword_arg("user_input", texts[-1]), *found.options]
        return updated.with_changes(body=[cst.Expr(cst.Call(cst.parse_expression(f"{session}.generate_reply"), args))])

    yield Remove(found.copied, why)
    yield Replace(found.added, taken, why, Action.REMOVED)
    yield Remove(found.asked, why)
    yield Rewrite(found.said, replied, why)


def _answer(lines: Sequence[cst.CSTNode], file: File) -> Answer | None:
    calls = [_call(line) for line in lines]
    targets = [_target(line) for line in lines]
    copied, added, asked, said = calls
    if copied is None or added is None or asked is None or said is None or not all(isinstance(n, Line) for n in lines):
        return None
    context, stream = targets[0], targets[2]
    if context is None or stream is None or targets[1] is not None or targets[3] is not None:
        return None
    agent = _agent_copied(copied, file)
    if agent is None or not _adds_user_text(added, context, file) or not _asks(asked, context, agent, file):
        return None
    options = _says(said, stream, agent, file)
    if options is None or not (_is_only_here(context, lines, file) and _is_only_here(stream, lines, file)):
        return None
    first, second, third, last = (line for line in lines if isinstance(line, Line))
    return Answer(first, second, third, last, agent, options)


def _call(line: cst.CSTNode) -> cst.Call | None:
    """The call of `x = call(…)`, `await call(…)`, `call(…)`, alone on its line."""
    if not isinstance(line, Line) or len(line.body) != 1:
        return None
    small = line.body[0]
    value = small.value if isinstance(small, (cst.Assign, cst.Expr)) else None
    value = value.expression if isinstance(value, cst.Await) else value
    return value if isinstance(value, cst.Call) else None


def _target(line: cst.CSTNode) -> cst.Name | None:
    small = line.body[0] if isinstance(line, Line) else None
    target = small.targets[0].target if isinstance(small, cst.Assign) and len(small.targets) == 1 else None
    return target if isinstance(target, cst.Name) else None


def _agent_copied(call: cst.Call, file: File) -> cst.BaseExpression | None:
    """`agent` of `agent.chat_ctx.copy()`, `copy.deepcopy(agent.chat_ctx)`."""
    func = call.func
    if isinstance(func, cst.Attribute) and func.attr.value == "copy" and not call.args:
        memory: cst.BaseExpression = func.value
    elif file.full_name(func) in ("copy.copy", "copy.deepcopy") and len(call.args) == 1:
        memory = call.args[0].value
    else:
        return None
    if not isinstance(memory, cst.Attribute) or memory.attr.value not in ("chat_ctx", "chat_context"):
        return None
    return memory.value if file.project.fact(holdings).is_v0_agent(file.module, memory.value) else None


def _adds_user_text(call: cst.Call, context: cst.Name, file: File) -> bool:
    """`context.append(role="user", text=…)`, `context.messages.append(ChatMessage(role="user", content=…))`."""
    name = dotted(call.func)
    message = call
    if name == f"{context.value}.messages.append" and len(call.args) == 1:
        given = call.args[0].value
        if not isinstance(given, cst.Call):
            return False
        cls = (
            given.func.value
            if name_of(given.func) == "create" and isinstance(given.func, cst.Attribute)
            else given.func
        )
        if llm_name(file.full_name(cls)) != "ChatMessage":
            return False
        message = given
    elif name != f"{context.value}.append":
        return False
    given_names = {keyword(a): a.value for a in message.args}
    has_text = len(given_names.keys() & {"text", "content"}) == 1
    return has_text and len(given_names) == 2 and "role" in given_names and role_of(given_names["role"]) == "user"


def name_of(func: cst.BaseExpression) -> str:
    return func.attr.value if isinstance(func, cst.Attribute) else ""


def _asks(call: cst.Call, context: cst.Name, agent: cst.BaseExpression, file: File) -> bool:
    """`agent.llm.chat(chat_ctx=context)`, also with the agent's own tools, or on the model that it was made with."""
    if name_of(call.func) != "chat" or not isinstance(call.func, cst.Attribute):
        return False
    for arg in call.args:
        is_context = keyword(arg) in ("", "chat_ctx") and dotted(arg.value) == context.value
        if not is_context and keyword(arg) != "fnc_ctx":
            return False
    model = call.func.value
    if isinstance(model, cst.Attribute) and model.attr.value == "llm":
        return dotted(model.value) == dotted(agent)
    known = file.project.fact(pipelines)
    if not isinstance(model, cst.Name) or not known.holdings.has(file.module, model, Kind.LLM):
        return False
    given = [c.argument("llm") for c in known.of(file.module, agent)]
    return bool(given) and all(arg is not None and dotted(arg.value) == model.value for arg in given)


def _says(call: cst.Call, stream: cst.Name, agent: cst.BaseExpression, file: File) -> tuple[cst.Arg, ...] | None:
    """The keywords of `agent.say(stream, …)` that a reply has, too; None when it is something else."""
    if name_of(call.func) != "say" or not isinstance(call.func, cst.Attribute) or not call.args:
        return None
    first, *more = call.args
    if dotted(call.func.value) != dotted(agent) or dotted(first.value) != stream.value:
        return None
    if any(keyword(a) not in ("allow_interruptions", "add_to_chat_ctx") for a in more):
        return None
    return tuple(keyword_arg(keyword(a), a.value) for a in more if keyword(a) == "allow_interruptions")


def _is_only_here(name: cst.Name, lines: Sequence[cst.CSTNode], file: File) -> bool:
    inside = {n for line in lines for n in find(line, cst.Name)}
    return all(use in inside for use in uses(file.module, binding_of(file.module, name)))


def _text(updated: Line) -> cst.BaseExpression:
    """The text in `context.add_message(role="user", content=text)`, or in what it was before other rules saw it."""
    args = [a for c in find(updated, cst.Call) for a in c.args if keyword(a) in ("content", "text")]
    value = args[-1].value
    return value.elements[0].value if isinstance(value, cst.List) and len(value.elements) == 1 else value
