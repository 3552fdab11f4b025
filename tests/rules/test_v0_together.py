"""Rules that speak of one 0.x object agree on what it is called afterwards."""

from __future__ import annotations

import ast

from lk_migrate.plan import ConvertOptions, make_plan

STOPWATCH = b"""from livekit.agents import metrics
from livekit.agents.metrics.base import PipelineEOUMetrics
from livekit.agents.pipeline import VoicePipelineAgent


class Stopwatch:
    def __init__(self, agent: VoicePipelineAgent, log):
        self.agent = agent

        @self.agent.on("agent_started_speaking")
        def speaking():
            log("speaks")

        @self.agent.on("metrics_collected")
        def measured(metric: metrics.AgentMetrics):
            if isinstance(metric, PipelineEOUMetrics):
                log(self.agent._tts, metric.sequence_id, metric.end_of_utterance_delay)
"""


def test_listeners_of_an_agent_in_an_attribute() -> None:
    plan = make_plan({"stopwatch.py": STOPWATCH}, ConvertOptions(no_main=True))
    (change,) = plan.changes
    assert change.after is not None
    tree = ast.parse(change.after)
    read = {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)}
    assert "agent" not in read, "what was `self.agent` is `self.session` everywhere"
    assert {"session", "tts", "speech_id"} <= read
    assert not read & {"_tts", "sequence_id"}
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) for a in n.names}
    assert "EOUMetrics" in names and "PipelineEOUMetrics" not in names
    told = [n for n in ast.walk(tree) if isinstance(n, ast.Call) and getattr(n.func, "id", "") == "measured"]
    (given,) = told[0].args
    assert isinstance(given, ast.Call) and ast.unparse(given.func).endswith("EOUMetrics"), "no event around it"
    assert not plan.todo


GENERATOR = b"""from livekit.agents import llm


class Desk(llm.FunctionContext):
    @llm.ai_callable(description="Looks it up")
    async def find(self, what: str):
        yield f"looking for {what}"
"""


def test_a_tool_that_is_a_generator_is_marked_once() -> None:
    """By LK211 in the first run; LK115, which knows today's tools, says the same of it in a second one."""
    (change,) = make_plan({"desk.py": GENERATOR}, ConvertOptions(no_main=True)).changes
    assert change.after is not None and change.after.count(b"TODO(lk-migrate") == 1
    assert not make_plan({"desk.py": change.after}, ConvertOptions(no_main=True)).changes
