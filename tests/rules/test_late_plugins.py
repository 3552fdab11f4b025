"""Where plugins are imported once a project is converted (LK131), as far as its manifests have a say in it."""

from __future__ import annotations

import pytest

from lk_migrate.manifests.declared import declared_plugins
from lk_migrate.plan import ConvertOptions, make_plan

AGENT = b'''
from livekit.agents import AgentSession, JobContext


class Porter:
    def __init__(self, instructions):
        self.instructions = instructions
        self._last_speech_id = None

    def _turn_gate(self, ctx):
        sid = getattr(ctx, "speech_id", None)
        if sid == self._last_speech_id:
            return "One thing at a time."
        self._last_speech_id = sid
        return None

    async def call_lift(self, ctx, floor: int) -> str:
        """Calls the lift."""
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        return f"It comes to {floor}."


def make_stt(provider):
    if provider == "deepgram":
        from livekit.plugins import deepgram

        return deepgram.STT()
    from livekit.plugins import assemblyai

    return assemblyai.STT()


async def entrypoint(ctx: JobContext):
    session = AgentSession(stt=make_stt("deepgram"))
    await session.start(agent=Porter("You are a porter."), room=ctx.room)
'''


@pytest.mark.parametrize(
    ("requirements", "early"),
    [
        (b"livekit-agents~=0.12\nlivekit-plugins-deepgram\n", True),
        (b"livekit-agents[deepgram,openai]~=1.0\n", True),
        (b"livekit-agents~=1.0\n# livekit-plugins-deepgram\n", False),
    ],
)
def test_a_plugin_under_a_condition_goes_to_the_top_if_it_is_required(requirements: bytes, early: bool) -> None:
    plan = make_plan({"porter.py": AGENT, "requirements.txt": requirements}, ConvertOptions())
    after = next(c.after for c in plan.changes if c.path == "porter.py")
    assert after is not None
    assert (b"\nfrom livekit.plugins import assemblyai, deepgram\n" in after) is early
    assert (b"    from livekit.plugins import deepgram\n" in after) is not early
    assert [f.rule for f in plan.todo] == ([] if early else ["LK131"])


def test_plugins_of_manifests_are_called_as_their_modules() -> None:
    toml = b'dependencies = ["livekit-agents[turn-detector]", "livekit-plugins-noise-cancellation>=0.2"]\n'
    assert declared_plugins({"pyproject.toml": toml}) == {"turn_detector", "noise_cancellation"}
    assert declared_plugins({"notes.txt": b"livekit-plugins-deepgram", "a.py": b"livekit-plugins-rime"}) == frozenset()
