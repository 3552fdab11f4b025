"""`VoicePipelineAgent`, `VoiceAssistant` and `MultimodalAgent` are now an `Agent` and an `AgentSession`.

The one object of 0.x was split in 1.0: who speaks (instructions, tools, memory) is the `Agent`, how the call runs
(models, turn-taking) the `AgentSession`, which keeps the variable and is called `session` with all its uses. Every
constructor argument goes to its new home: the first system message to `instructions=` (moved, not copied: the framework
puts the instructions in front of the context), `fnc_ctx=` to `tools=`, the turn-taking keywords to `turn_handling=`,
`noise_cancellation=` and `transcription=` to the room options of `await session.start(agent=…, room=…)`, the callbacks
to methods of the Agent. What calls `start` becomes a coroutine. The participant is left out of the room options when it
is simply the first one to join, which is the default. 0.x's defaults are not pinned: the session uses today's.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.callbacks import Callbacks, callbacks_of
from lk_migrate.facts.factories import is_moved_to_start
from lk_migrate.facts.function_contexts import Tools
from lk_migrate.facts.holdings import where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.kept_tools import tools_given
from lk_migrate.facts.pipelines import Construction, pipelines
from lk_migrate.facts.prompts import Prompt, prompts
from lk_migrate.facts.starts import has_start
from lk_migrate.facts.v0_names import TRIGGERS
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import NO_COMMENTS, Brackets, Comments, keyword, keyword_arg, of_call, to_call
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, expression
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.callback_agent import agent_class_source

#: A file may have no more of a 0.x agent than an attribute of a class, or a function, that another file defines.
_TRIGGERS = (*TRIGGERS, b"agent", b"assistant", b".start(")
rule = Rule(
    "LK202",
    Edition.V0,
    __doc__,
    triggers=_TRIGGERS,
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=where_0x_may_be,
)

_TURN_KEYS = {
    "turn_detector": ("turn_detection",),
    "min_endpointing_delay": ("endpointing", "min_delay"),
    "max_endpointing_delay": ("endpointing", "max_delay"),
    "allow_interruptions": ("interruption", "enabled"),
    "interrupt_speech_duration": ("interruption", "min_duration"),
    "interrupt_min_words": ("interruption", "min_words"),
    "preemptive_synthesis": ("preemptive_generation", "enabled"),
}
_WIDTH = 110
#: Arguments that other places take over (the Agent, `start`, the Agent's methods).
_ELSEWHERE = frozenset(
    {
        "chat_ctx",
        "fnc_ctx",
        "noise_cancellation",
        "transcription",
        "before_llm_cb",
        "will_synthesize_assistant_reply",
        "before_tts_cb",
    }
)
_GONE = frozenset({"plotting", "max_text_response_retries", "debug"})


@dataclass(frozen=True)
class _Moved:
    """The value of an argument that another place takes over, and what was said beside it."""

    value: cst.BaseExpression
    comments: Comments


@rule.on(cst.Call)
def split(call: cst.Call, file: File) -> Iterator[Change]:
    """The construction: an `AgentSession` in its place, an `Agent` in a statement before it."""
    construction = file.project.fact(pipelines).constructions.get(call)
    if construction is None:
        return
    prompt = file.project.fact(prompts).of[call]
    tools = tools_given(file.project, construction)
    cls = (call.func.attr if isinstance(call.func, cst.Attribute) else call.func).value  # type: ignore[attr-defined]
    session = file.use("livekit.agents.AgentSession")
    callbacks = callbacks_of(file.project, construction)
    speaks = callbacks is not None and callbacks.llm is not None and callbacks.llm.streams
    turn = file.use("livekit.agents.TurnHandlingOptions") if _turns(call) or speaks else ""
    indentation = file.module.span(construction.statement).column
    found: dict[str, _Moved] = {}
    yield Replace(
        call,
        lambda updated: _session(_not_ahead(updated) if speaks else updated, session, turn, indentation, found),
        f"`{cls}` is now an `AgentSession` and an `Agent`",
    )
    yield from _remarks(call, construction, prompt, tools, file)
    if callbacks is not None and callbacks.tts is not None and callbacks.tts.wants_text:
        yield Note(
            call,
            f"`{callbacks.tts.spelled}` takes one text, so a reply is spoken once all of it is there: let it take "
            "the stream to be heard earlier.",
        )
    statement, small = construction.statement, file.enclosing(call, cst.BaseSmallStatement)  # type: ignore[type-abstract]
    extra = agent_class_source(callbacks, file) if callbacks else ""
    shares = small is not None and not (isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1)
    if not isinstance(statement, cst.SimpleStatementLine) and (extra or not shares):
        yield Todo(
            call, "put the Agent that belongs to this session (instructions, tools) into `session.start(agent=…)`."
        )
        return
    base = callbacks.class_name if callbacks else file.use("livekit.agents.Agent")
    if small is not None and shares and not extra:
        yield Rewrite(
            small,
            lambda updated: _beside_agent(updated, _agent(construction, prompt, tools, base, indentation, found)),
            "the prompt, the tools and the memory are the Agent's",
        )
        return
    yield Rewrite(
        statement,
        lambda updated: _with_agent(
            updated,
            _agent(construction, prompt, tools, base, indentation, found),
            _named(callbacks, found),
            extra,
            prompt.comments,
        ),
        "the prompt, the tools and the memory are the Agent's",
    )


def _not_ahead(updated: cst.Call) -> cst.Call:
    """No reply is prepared before the callback has had its say."""
    if any(keyword(a) == "preemptive_synthesis" for a in updated.args):
        return updated
    return to_call(updated, of_call(updated).appended(keyword_arg("preemptive_synthesis", cst.Name("False"))))


def _turns(call: cst.Call) -> bool:
    return any(keyword(a) in _TURN_KEYS and not _is_default(a) for a in call.args)


def _is_default(arg: cst.Arg) -> bool:
    """Arguments that say what a session does anyway."""
    name = dotted(arg.value)
    return (keyword(arg) == "allow_interruptions" and name == "True") or (
        keyword(arg) == "turn_detector" and name == "None"
    )


def _session(updated: cst.Call, session: str, turn: str, indentation: int, found: dict[str, _Moved]) -> cst.Call:
    brackets = of_call(updated)
    turns: list[tuple[int, Entry]] = []
    drop: list[int] = []
    for i, arg in enumerate(brackets.items):
        name = keyword(arg)
        if name == "model" and "llm" not in map(keyword, brackets.items):
            brackets = brackets.with_item(i, keyword_arg("llm", arg.value))
        elif name == "max_nested_fnc_calls":
            brackets = brackets.with_item(i, keyword_arg("max_tool_steps", _less_one(arg.value)))
        elif name in _TURN_KEYS:
            if _is_default(arg):
                drop.append(i)
            else:
                key = _TURN_KEYS[name][-1]
                turns.append((i, Entry(key, arg.value, comments=brackets.comments(i), column=_pad(brackets, i))))
        elif name in _ELSEWHERE or name in _GONE:
            found[name] = _Moved(arg.value, brackets.comments(i))
            drop.append(i)
    if turns:
        first = turns[0][0]
        entry = Entry("turn_handling", entries=_grouped(brackets, turns), call=turn)
        pad = _own_pad(brackets, first)
        value = expression(entry, pad, indentation, len("turn_handling=,"))
        many = len(turns) > 1 and bool(brackets.comments(first).behind)
        brackets = brackets.with_item(first, keyword_arg("turn_handling", value), behind="" if many else None)
        drop.extend(i for i, _ in turns[1:])
    for i in sorted(drop, reverse=True):
        taken = keyword(brackets.items[i]) in _TURN_KEYS or keyword(brackets.items[i]) in _ELSEWHERE
        brackets = brackets.without(i) if taken else brackets.without_but_comments(i)
    result = to_call(updated, brackets).with_changes(func=cst.parse_expression(session))
    return _one_per_line(result, brackets) if _is_too_long(result, indentation) else result


def _is_too_long(call: cst.Call, indentation: int) -> bool:
    lines = cst.Module([]).code_for_node(call).split("\n")
    return any(len(line) + indentation > _WIDTH for line in lines if "=TurnHandlingOptions" not in line.strip()[:35])


def _one_per_line(call: cst.Call, brackets: Brackets) -> cst.Call:
    """The arguments on lines of their own, unless a comment stands between them."""
    shared = [g for g in brackets.gaps[1:-1] if not isinstance(g, cst.ParenthesizedWhitespace)]
    commented = any(brackets.comments(i) for i in range(len(brackets.items)))
    if not shared or commented:
        return call
    line = cst.ParenthesizedWhitespace(indent=True, last_line=cst.SimpleWhitespace("    "))
    gaps = (*[line] * len(brackets.items), cst.ParenthesizedWhitespace(indent=True))
    return to_call(call, Brackets(brackets.items, gaps, True))


def _grouped(brackets: Brackets, turns: list[tuple[int, Entry]]) -> tuple[Entry, ...]:
    """The entries of `turn_handling` in the order of its documentation; the first one's comments stay above it all."""
    groups: dict[str, list[Entry]] = {
        name: [] for name in ("turn_detection", "endpointing", "interruption", "preemptive_generation")
    }
    for position, (i, entry) in enumerate(turns):
        path = _TURN_KEYS[keyword(brackets.items[i])]
        comments = entry.comments
        if position == 0:
            comments = Comments(behind=comments.behind if len(turns) > 1 else "")
        groups[path[0]].append(Entry(entry.key, entry.value, comments=comments, column=entry.column))
    found: list[Entry] = []
    for name, entries in groups.items():
        if name == "turn_detection":
            found.extend(entries)
        elif entries:
            found.append(Entry(name, entries=tuple(entries)))
    return tuple(found)


def _own_pad(brackets: Brackets, i: int) -> str | None:
    """The white space before an argument that has a line of its own."""
    gap = brackets.gaps[i]
    return gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None


def _pad(brackets: Brackets, i: int) -> int:
    gap = brackets.gaps[i]
    return len(gap.last_line.value) if isinstance(gap, cst.ParenthesizedWhitespace) else 0


def _less_one(value: cst.BaseExpression) -> cst.BaseExpression:
    """0.x counted rounds of tools, a session the rounds after the first."""
    if isinstance(value, cst.Integer):
        return cst.Integer(str(max(0, int(value.value, 0) - 1)))
    return cst.BinaryOperation(left=value, operator=cst.Subtract(), right=cst.Integer("1"))


def _agent(
    construction: Construction,
    prompt: Prompt,
    tools: Tools,
    base: str,
    indentation: int,
    found: dict[str, _Moved],
) -> cst.SimpleStatementLine:
    """`agent = Agent(instructions=…, chat_ctx=…, tools=[…])`."""
    text = prompt.instructions if prompt.instructions is not None else cst.SimpleString('""')
    memory, given = found.get("chat_ctx"), found.get("fnc_ctx")
    of_memory = memory.comments if memory is not None else NO_COMMENTS
    if prompt.chat_ctx is None:
        entries = [Entry("instructions", text, comments=of_memory, column=prompt.column)]
    else:
        entries = [Entry("instructions", text, column=prompt.column)]
        entries.append(Entry("chat_ctx", memory.value if memory is not None else prompt.chat_ctx, comments=of_memory))
    value = tools.value(given.value if given is not None else None)
    if value is not None:
        entries.append(Entry("tools", value, comments=given.comments if given is not None else NO_COMMENTS))
    prefix = f"{construction.agent} = "
    multi = any("\n" in cst.Module([]).code_for_node(e.value) for e in entries if e.value is not None)
    code = expression(Entry("", entries=tuple(entries), call=base), "", indentation, len(prefix))
    if multi and not isinstance(code, cst.Call):
        raise TypeError("an Agent is always called")
    target = cst.parse_expression(construction.agent)
    return cst.SimpleStatementLine(body=[cst.Assign([cst.AssignTarget(target)], code)])  # type: ignore[arg-type]


def _named(callbacks: Callbacks | None, found: dict[str, _Moved]) -> list[cst.SimpleStatementLine]:
    """`enrich = self._enrich`, for callbacks that the class cannot reach by their own name."""
    both = (callbacks.llm, callbacks.tts) if callbacks is not None else ()
    assigned = [(c.variable, found[c.keyword].value) for c in both if c is not None and c.variable]
    return [
        cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)]) for name, value in assigned
    ]


def _beside_agent(
    updated: cst.BaseSmallStatement, agent: cst.SimpleStatementLine
) -> cst.FlattenSentinel[cst.BaseSmallStatement]:
    """Both on the line that others share: what the Agent is given may be made there."""
    return cst.FlattenSentinel([*agent.body, updated])


def _with_agent(
    updated: cst.SimpleStatementLine,
    agent: cst.SimpleStatementLine,
    named: list[cst.SimpleStatementLine],
    extra: str,
    comments: tuple[str, ...],
) -> cst.FlattenSentinel[cst.BaseStatement]:
    # What stands right above the construction is about it; what a blank line separates is not.
    lead = list(updated.leading_lines)
    at = next((i + 1 for i in reversed(range(len(lead))) if lead[i].comment is None), 0)
    blanks, rest = lead[:at], lead[at:]
    above = [cst.EmptyLine(comment=cst.Comment(text)) for text in comments]
    before: list[cst.BaseStatement] = []
    if extra:
        definition = cst.parse_statement(extra)
        assert isinstance(definition, cst.ClassDef)
        before = [*named, definition.with_changes(leading_lines=[cst.EmptyLine(indent=False)] if named else blanks)]
        if named:
            before[0] = named[0].with_changes(leading_lines=blanks)
        blanks = [cst.EmptyLine(indent=False)]
    agent = agent.with_changes(leading_lines=[*blanks, *above])
    if rest:
        rest = [cst.EmptyLine(indent=False), *rest]
    return cst.FlattenSentinel([*before, agent, updated.with_changes(leading_lines=rest)])


def _remarks(call: cst.Call, construction: Construction, prompt: Prompt, tools: Tools, file: File) -> Iterator[Change]:
    if prompt.problem:
        yield (Note if prompt.is_empty else Todo)(call, prompt.problem[0].upper() + prompt.problem[1:] + ".")
    if tools.problem:
        yield Todo(call, tools.problem)
    if not has_start(file.project, construction):
        started = [
            f"`{keyword(a)}={file.code(a.value)}`"
            for a in call.args
            if is_moved_to_start(a) and dotted(a.value) != "None"
        ]
        more = f"; `room_options=` there takes what stood here as {' and '.join(started)}" if started else ""
        yield Todo(
            call,
            f"hand `{construction.agent}` on together with the session: `session.start(agent=…)` wants it where the "
            f"session is started{more}.",
        )
    for arg in call.args:
        name = keyword(arg)
        if arg.star:
            yield Todo(
                call,
                f"`{arg.star}{file.code(arg.value)}`: take out what `AgentSession` does not know "
                "(`chat_ctx`, `fnc_ctx` belong to the Agent; turn-taking options to `turn_handling=`).",
            )
        elif name in _GONE:
            yield Note(call, f"`{name}=` does not exist any more; it is dropped.")
        elif name == "preemptive_synthesis":
            yield Note(
                call, "`preemptive_generation` starts the LLM early; add `preemptive_tts` to synthesise early, too."
            )
