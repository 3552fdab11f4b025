"""Answers that 0.x programs assembled by hand: a message in a context, the LLM asked, its stream said.

The context is a copy of the agent's memory, or the memory itself: the variable that was the agent's `chat_ctx=`, into
which 0.x went on writing what was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.roles import role_of
from lk_migrate.facts.v0_names import Kind, llm_name
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.facts.walk import find

Line = cst.SimpleStatementLine


@dataclass(frozen=True)
class Answer:
    """`copied`, `added`, `asked`, `said`: the lines (`copied` None: on the memory itself).

    `agent`: the 0.x agent; `options`: the keywords of its `say`; `without_tools`: the agent has tools, and this answer
    was not to use them.
    """

    module: Module
    copied: Line | None
    added: Line
    asked: Line
    said: Line
    agent: cst.BaseExpression
    options: tuple[cst.Arg, ...]
    without_tools: bool = False

    @property
    def lines(self) -> tuple[Line, ...]:
        """All of them, in order."""
        return tuple(line for line in (self.copied, self.added, self.asked, self.said) if line is not None)


def text_answers(project: Project) -> dict[cst.IndentedBlock, list[Answer]]:
    """By the block that they stand in (use as `project.fact(text_answers)`)."""
    found: dict[cst.IndentedBlock, list[Answer]] = {}
    for module in project.fact(pipelines).holdings.modules:
        if b".chat(" not in module.data:
            continue
        for block in module.index.of(cst.IndentedBlock):
            answers = list(_Reader(project, module).answers(block))
            if answers:
                found[block] = answers
    return found


def memories(project: Project, module: Module, agent: cst.BaseExpression) -> Iterator[cst.Name]:
    """The variables that were handed over as `chat_ctx=` where `agent` was made."""
    for construction in project.fact(pipelines).of(module, agent):
        argument = construction.argument("chat_ctx")
        if construction.module is module and argument is not None and isinstance(argument.value, cst.Name):
            yield argument.value


@dataclass(frozen=True)
class _Reader:
    project: Project
    module: Module

    def answers(self, block: cst.IndentedBlock) -> Iterator[Answer]:
        """Four neighbours, or the last three of them."""
        for at in range(len(block.body) - 2):
            answer = self._on_a_copy(block.body[at : at + 4]) or self._on_the_memory(block.body[at : at + 3])
            if answer is not None:
                yield answer

    def _on_a_copy(self, lines: Sequence[cst.CSTNode]) -> Answer | None:
        copied, context = _call(lines[0]), _target(lines[0])
        agent = self._agent_copied(copied) if copied is not None and context is not None else None
        if agent is None or context is None or len(lines) != 4:
            return None
        options = self._answer(lines[1:], context.value, agent)
        if options is None or not self._is_only_here(context, lines):
            return None
        first, second, third, last = (line for line in lines if isinstance(line, Line))
        return Answer(self.module, first, second, third, last, agent, options)

    def _on_the_memory(self, lines: Sequence[cst.CSTNode]) -> Answer | None:
        said = _call(lines[2])
        agent = said.func.value if said is not None and isinstance(said.func, cst.Attribute) else None
        if agent is None or not self.project.fact(pipelines).holdings.is_v0_agent(self.module, agent):
            return None
        for memory in memories(self.project, self.module, agent):
            binding = binding_of(self.module, memory)
            here = [n for n in find(lines[0], cst.Name) if n.value == memory.value]
            if not here or binding_of(self.module, here[0]) != binding:
                continue
            options = self._answer(lines, memory.value, agent)
            if options is not None:
                first, second, last = (line for line in lines if isinstance(line, Line))
                asked = _call(second)
                made = self.project.fact(pipelines).of(self.module, agent)
                tools = any(c.argument("fnc_ctx") is not None for c in made)
                bare = asked is not None and not any(_keyword(a) == "fnc_ctx" for a in asked.args)
                return Answer(self.module, None, first, second, last, agent, options, tools and bare)
        return None

    def _answer(
        self, lines: Sequence[cst.CSTNode], context: str, agent: cst.BaseExpression
    ) -> tuple[cst.Arg, ...] | None:
        """The options of what is said."""
        added, asked, said = (_call(line) for line in lines)
        stream = _target(lines[1])
        if added is None or asked is None or said is None or stream is None:
            return None
        if _target(lines[0]) is not None or _target(lines[2]) is not None:
            return None
        if not self._adds_user_text(added, context) or not self._asks(asked, context, agent):
            return None
        return _says(said, stream, agent) if self._is_only_here(stream, lines) else None

    def _agent_copied(self, call: cst.Call) -> cst.BaseExpression | None:
        """`agent` of `agent.chat_ctx.copy()`, `copy.deepcopy(agent.chat_ctx)`."""
        func = call.func
        if isinstance(func, cst.Attribute) and func.attr.value == "copy" and not call.args:
            memory: cst.BaseExpression = func.value
        elif self.project.full_name(self.module, func) in ("copy.copy", "copy.deepcopy") and len(call.args) == 1:
            memory = call.args[0].value
        else:
            return None
        if not isinstance(memory, cst.Attribute) or memory.attr.value not in ("chat_ctx", "chat_context"):
            return None
        known = self.project.fact(pipelines).holdings
        return memory.value if known.is_v0_agent(self.module, memory.value) else None

    def _adds_user_text(self, call: cst.Call, context: str) -> bool:
        """`context.append(role="user", text=…)`, `context.messages.append(ChatMessage(role="user", content=…))`."""
        name = dotted(call.func)
        message = call
        if name == f"{context}.messages.append" and len(call.args) == 1:
            given = call.args[0].value
            if not isinstance(given, cst.Call):
                return False
            creates = isinstance(given.func, cst.Attribute) and given.func.attr.value == "create"
            cls = given.func.value if creates and isinstance(given.func, cst.Attribute) else given.func
            if llm_name(self.project.full_name(self.module, cls)) != "ChatMessage":
                return False
            message = given
        elif name != f"{context}.append":
            return False
        given_names = {_keyword(a): a.value for a in message.args}
        has_text = len(given_names.keys() & {"text", "content"}) == 1
        return has_text and len(given_names) == 2 and "role" in given_names and role_of(given_names["role"]) == "user"

    def _asks(self, call: cst.Call, context: str, agent: cst.BaseExpression) -> bool:
        """`agent.llm.chat(chat_ctx=context)`, also with the agent's tools, or on the model that it was made with."""
        if _method(call) != "chat" or not isinstance(call.func, cst.Attribute):
            return False
        for arg in call.args:
            is_context = _keyword(arg) in ("", "chat_ctx") and dotted(arg.value) == context
            if not is_context and _keyword(arg) != "fnc_ctx":
                return False
        model = call.func.value
        if isinstance(model, cst.Attribute) and model.attr.value == "llm":
            return dotted(model.value) == dotted(agent)
        known = self.project.fact(pipelines)
        if not isinstance(model, cst.Name) or not known.holdings.has(self.module, model, Kind.LLM):
            return False
        given = [c.argument("llm") for c in known.of(self.module, agent)]
        return bool(given) and all(arg is not None and dotted(arg.value) == model.value for arg in given)

    def _is_only_here(self, name: cst.Name, lines: Sequence[cst.CSTNode]) -> bool:
        inside = {n for line in lines for n in find(line, cst.Name)}
        return all(use in inside for use in uses(self.module, binding_of(self.module, name)))


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


def _keyword(arg: cst.Arg) -> str:
    return arg.keyword.value if arg.keyword is not None else ""


def _method(call: cst.Call) -> str:
    return call.func.attr.value if isinstance(call.func, cst.Attribute) else ""


def _says(call: cst.Call, stream: cst.Name, agent: cst.BaseExpression) -> tuple[cst.Arg, ...] | None:
    """The keywords of `agent.say(stream, …)` that a reply has, too; None when it is something else."""
    if _method(call) != "say" or not isinstance(call.func, cst.Attribute) or not call.args:
        return None
    first, *more = call.args
    if dotted(call.func.value) != dotted(agent) or dotted(first.value) != stream.value:
        return None
    if any(_keyword(a) not in ("allow_interruptions", "add_to_chat_ctx") for a in more):
        return None
    return tuple(a for a in more if _keyword(a) == "allow_interruptions")
