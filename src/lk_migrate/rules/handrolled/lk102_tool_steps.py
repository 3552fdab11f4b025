"""A session whose agent had a turn gate limits the tool calls by itself: `max_tool_steps=N-1`.

The session runs one round of tool calls more than `max_tool_steps` says, then asks for an answer without tools. It
counts rounds, not calls, so the model gets `parallel_tool_calls=False`: then a round is one call. An `Agent` has no
such option in 1.8 (`tool_handling=` holds prompts only), so agents of different limits need different sessions. A
session that allowed more than the gate beside it gets the gate's limit; 0.x's `max_nested_fnc_calls` counts all rounds.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.framework import callee, library_name
from lk_migrate.facts.gate_sessions import (
    decides_limit,
    hands_over_more,
    limits_of_session,
    models_of_session,
    session_paths,
)
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.inline_gates import inline_gates
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword, with_keyword
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File, enclosing_statement
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK102",
    Edition.HANDROLLED,
    __doc__,
    paths=session_paths,
    safety=Safety.REVIEW,
    kept_main_only=True,
)

_NESTED = "max_nested_fnc_calls"
#: Models that take `parallel_tool_calls` (livekit-plugins 1.8).
_TAKES_PARALLEL = {
    *("livekit.plugins.openai.LLM", "livekit.plugins.openai.llm.LLM", "livekit.plugins.openai.responses.LLM"),
    *("livekit.plugins.anthropic.LLM", "livekit.plugins.anthropic.llm.LLM", "livekit.plugins.groq.LLM"),
}


@rule.on(cst.Call)
def limit_tool_steps(call: cst.Call, file: File) -> Iterator[Change]:
    """`AgentSession(…)` in a project with turn gates."""
    if any(a.attr.value == "max_tool_steps" for a in file.module.index.of(cst.Attribute)):
        return  # `session.options.max_tool_steps = …`: it is set later
    session = limits_of_session(file.project, file.module, call)
    if session is None or not session.limits or _are_left(file.project):
        return
    steps = _steps(session.limits)
    limit, rounds = _limit(call, steps)
    given = find_keyword(call, limit)
    known = int(given.value.value, 0) if given is not None and isinstance(given.value, cst.Integer) else None
    if known is not None and rounds is not None and known <= rounds:
        return
    if len(session.limits) > 1:
        yield Todo(
            call,
            f"The agents that may run here let {_spoken(session.limits)} tool calls through per utterance. The limit "
            "belongs to the session now: give each agent a session with `max_tool_steps=N-1`, and its model "
            "`parallel_tool_calls=False`.",
        )
        return
    decided = given is not None and known is None
    if rounds is None or not session.known or decided or decides_limit(file.project, file.module, call):
        why = (
            "how many tool calls its agent's turn gate let through is not in the code"
            if steps is None
            else f"`{limit}` is decided elsewhere"
            if decided
            else "its arguments come from elsewhere"
            if session.known
            else "which agent it runs is not clear"
        )
        value = "N-1" if steps is None else str(steps)
        yield Todo(
            call,
            f"A turn gate limited the tool calls per utterance. Here it should be `max_tool_steps={value}`, with "
            f"`parallel_tool_calls=False` on the model; {why}.",
        )
        return
    if has_marker(file.statement(call), rule.id, file.module.tree):
        return  # there were more gates, and a person is to decide
    yield Rewrite(
        call,
        lambda updated: with_keyword(updated, limit, cst.Integer(str(rounds))),
        f"the turn gate's {_spoken(session.limits)} tool call(s) per utterance are `max_tool_steps={steps}` now",
    )
    yield from _one_at_a_time(call, file)


def _are_left(project: Project) -> bool:
    """Whether each gate that is there was left to a person where it is asked (LK101). The run that did so has limited
    the session or said what is to be done, and saw the gates that it took out, too.
    """
    gates = project.fact(find_gates).all
    asked = [guard for gate in gates for guard in gate.guards]
    statements = ((g.module, enclosing_statement(g.module, g.node)) for g in asked)
    marked = (has_marker(statement, "LK101", module.tree) for module, statement in statements)
    return bool(asked) and not project.fact(inline_gates) and all(marked)


def _limit(call: cst.Call, steps: int | None) -> tuple[str, int | None]:
    """The keyword that limits the rounds of tool calls, and what it has to be; 0.x counted the first one, too."""
    if find_keyword(call, _NESTED) is not None:
        return _NESTED, steps + 1 if steps is not None else None
    return "max_tool_steps", steps


def _one_at_a_time(call: cst.Call, file: File) -> Iterator[Change]:
    """`parallel_tool_calls=False` where the model is made."""
    models = models_of_session(file.project, file.module, call)
    if not models and hands_over_more(file.project, file.module, call):
        yield Todo(
            call,
            "`max_tool_steps` counts rounds of tool calls: give the model that this session gets "
            "`parallel_tool_calls=False`; it comes from elsewhere.",
        )
    said = any(b"parallel_tool_calls" in data for data in file.project.files.values())
    for model in models:
        name = library_name(file.project, file.module, callee(model)) if isinstance(model, cst.Call) else None
        if isinstance(model, cst.Call) and name is not None and name.removesuffix(".with_azure") in _TAKES_PARALLEL:
            starred = any(a.star for a in model.args)
            if find_keyword(model, "parallel_tool_calls") is None and starred and said:
                yield Todo(
                    call,
                    f"`max_tool_steps` counts rounds of tool calls: the model must get `parallel_tool_calls=False`, "
                    f"which `{file.code(model)}` may take from elsewhere: see to it.",
                )
            elif find_keyword(model, "parallel_tool_calls") is None:
                yield Rewrite(
                    model,
                    lambda updated: with_keyword(updated, "parallel_tool_calls", cst.Name("False")),
                    "one tool call per round, so that `max_tool_steps` counts calls",
                )
        elif name is not None and "realtime" in name:
            yield Note(
                model,
                "`max_tool_steps` is not enforced for realtime models that answer by themselves: the turn gate has no "
                "equivalent here.",
            )
        else:
            yield Note(
                model,
                "`max_tool_steps` counts rounds of tool calls: switch parallel tool calls off on this model if it can "
                "make several at once.",
            )


def _steps(limits: frozenset[int | None]) -> int | None:
    known = [n for n in limits if n is not None]
    return known[0] - 1 if len(limits) == 1 and known else None


def _spoken(limits: frozenset[int | None]) -> str:
    return " or ".join(str(n) for n in sorted(n for n in limits if n is not None)) + (
        " or an unknown number of" if None in limits else ""
    )
