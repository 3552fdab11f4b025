"""An assistant that is an `Agent` now, in a project where no `AgentSession` is made, is pointed out where it is made.

A loop of the project's own (audio in, recogniser, model, voice, audio out) goes on as before with the class: its
prompt and its tools are still there. But the framework's work, the turn gate's limit included, starts with a session.
Which part of the loop is to stay is for a person to say; the marker has what the session needs. A loop around no
assistant class at all, which just listens, asks a model and speaks, is pointed out where it listens.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.agents import agent_of, assistant_files, find_agents
from lk_migrate.facts.framework import callee
from lk_migrate.facts.gates import find_gates
from lk_migrate.facts.own_loops import own_loop
from lk_migrate.facts.project import Project
from lk_migrate.facts.sessionless import is_sessionless
from lk_migrate.facts.testcode import is_test
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files that name an assistant which no session runs, or the one in which a loop without one listens."""
    loop = project.fact(own_loop)
    if loop is not None:
        return frozenset({loop.module.path})
    names = [a.name.encode() for a in find_agents(project) if _is_new(a)]
    if not names or not project.fact(is_sessionless):
        return frozenset()
    return project.fact(assistant_files) | project.paths_with(names)


rule = Rule("LK130", Edition.HANDROLLED, __doc__, paths=paths, safety=Safety.REVIEW)


def _is_new(agent: AgentClass) -> bool:
    return agent.role is Role.AGENT and not agent.is_agent


@rule.on(cst.ClassDef, cst.FunctionDef)
def point_out_loop(node: cst.ClassDef | cst.FunctionDef, file: File) -> Iterator[Change]:
    """`class VoiceBot:` with an `rtc.AudioStream`, a request to a model and `source.capture_frame(…)` around it."""
    loop = file.project.fact(own_loop)
    if loop is None or loop.node is not node:
        return
    model = f'openai.LLM(model="{loop.model}")' if loop.model is not None else "…"
    prompt = f"the prompt in {loop.prompt}" if loop.prompt is not None else "its prompt"
    yield Todo(
        node,
        f"`{node.name.value}` listens, and this program asks a model and speaks by itself, which an `AgentSession` "
        f"does, with interruptions: write an `Agent` with {prompt}, and in a function with `@server.rtc_session()` "
        f"make `session = AgentSession(stt=…, llm={model}, tts=…, vad=silero.VAD.load())`, then `await session.start("
        "agent=…, room=ctx.room)`; what else the loop does goes into the agent or handlers of the session's events.",
    )


@rule.on(cst.Call)
def point_out(call: cst.Call, file: File) -> Iterator[Change]:
    """`assistant = PiaAssistant(depot)`."""
    if is_test(file.path):
        return
    symbol = file.resolve(callee(call))
    agent = (
        agent_of(file.project, symbol.node) if symbol is not None and isinstance(symbol.node, cst.ClassDef) else None
    )
    if agent is None or not _is_new(agent):
        return
    gates = file.project.fact(find_gates)
    limit = gates.limit_of(agent.node)
    gated = agent.node in gates.gated()
    steps = f", max_tool_steps={'N-1' if limit is None else limit - 1}" if gated else ""
    one_call = " with `parallel_tool_calls=False` on its model" if gated else ""
    yield Todo(
        call,
        f"`{agent.name}` is an `Agent` now, and no `AgentSession` runs it: your own loop still does. To let the "
        f"framework do its work, make `session = AgentSession(stt=…, llm=…, tts=…, vad=…{steps})`{one_call} in a "
        "function with `@server.rtc_session()`, and there `await session.start(agent=…, room=ctx.room)`; the loop is "
        "not needed then.",
    )
