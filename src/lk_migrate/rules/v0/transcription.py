"""`AgentTranscriptionOptions` (0.x) as the `text_output=` of `RoomOptions` (shared by LK205 and LK251)."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.pipelines import Construction
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry


def text_output(value: cst.BaseExpression, construction: Construction, file: File) -> tuple[Entry | None, str]:
    """The option, and what a person must decide ("" if nothing)."""
    if not isinstance(value, cst.Call):
        return None, "`transcription=` is now `RoomOptions(text_output=…)`: carry its options over."
    given = {a.keyword.value: a.value for a in value.args if a.keyword is not None}
    user = dotted(given["user_transcription"]) if "user_transcription" in given else "True"
    agent = dotted(given["agent_transcription"]) if "agent_transcription" in given else "True"
    if user == agent == "False":
        return Entry("text_output", cst.Name("False")), ""
    problems = []
    if user != "True" or agent != "True":
        problems.append("`text_output` turns the user's and the agent's transcription on or off together")
    speed = given.get("agent_transcription_speed")
    lost = sorted(given.keys() - {"user_transcription", "agent_transcription", "agent_transcription_speed"})
    if lost:
        said = ", ".join(f"`{name}=`" for name in lost)
        problems.append(f"{said}: tokenizers belong to the TTS now (`tts.StreamAdapter(tts=…, sentence_tokenizer=…)`)")
    entry = None
    if speed is not None:
        option = Entry("transcription_speed_factor", speed)
        entry = Entry("text_output", entries=(option,), call=f"{file.use('livekit.agents.room_io')}.TextOutputOptions")
    return entry, "; ".join(problems) + ("." if problems else "")
