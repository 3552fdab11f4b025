"""When a project is read as a whole for what may be of 0.x in it (facts/v0_evidence.py)."""

from __future__ import annotations

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_evidence import may_hold_0x, speaks_of_0x

REALTIME = b"from livekit.plugins import openai\n\nmodel = openai.realtime.RealtimeModel(voice='ash')\n"


@pytest.mark.parametrize(
    "beside",
    [
        b"guard.on_speaking_start()\nguard.started_speaking()\n",
        b"import aiohttp\n\nself.http_session()\nclient.chat.completions.create(model=m)\n",
        b"from models.capabilities import can\n\nmodel.capabilities.turn_detection\n",
        b"# agent.chat_ctx was what it remembered\nroom.remote_participants\n",
    ],
)
def test_words_of_today_alone_are_no_evidence(beside: bytes) -> None:
    project = Project({"a.py": REALTIME, "b.py": beside})
    assert project.fact(speaks_of_0x)
    assert not project.fact(may_hold_0x)


@pytest.mark.parametrize(
    "beside",
    [
        b"session = model.sessions[0]\n",
        b"session = (\n    model  # the raw one\n    .session()\n)\n",
        b"session.on('user_started_speaking', hear)\n",
        b"agent.chat_ctx.messages\n",
        b"stream = model. \\\n    chat (chat_ctx=context)\n",
        b"RealtimeModel, model.capabilities.supports_choices_on_int\n",
        b"(ctx.room).participants\n",
        b"hasattr(session, 'on_user_speech')\n",
        b"from livekit.agents.pipeline import VoicePipelineAgent\n",
    ],
)
def test_what_was_done_with_them_is_evidence(beside: bytes) -> None:
    assert Project({"a.py": REALTIME, "b.py": beside}).fact(may_hold_0x)


def test_what_was_done_is_no_evidence_without_a_word_of_0x() -> None:
    assert not Project({"b.py": b"stream = model.chat(chat_ctx=context)\n"}).fact(may_hold_0x)
