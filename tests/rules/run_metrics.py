"""One spoken turn per function of a module, with local fake models: `run_metrics.py FILE`; prints what listeners heard.

Each function of FILE starts a session with the models that it is handed and registers listeners that call `record`
with a metrics object. Printed: one JSON line per function: `[type, whether it names the reply's speech]`, sorted.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import json
import logging
import sys
import time
from typing import Any

from livekit import rtc
from livekit.agents import AgentSession, llm, stt, tts
from livekit.agents.types import APIConnectOptions
from livekit.agents.voice import io

RATE = 16000


class FakeLLM(llm.LLM):
    def chat(self, *, chat_ctx: Any, tools: Any = None, conn_options: Any = None, **_: Any) -> llm.LLMStream:
        return FakeReply(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options or APIConnectOptions())


class FakeReply(llm.LLMStream):
    async def _run(self) -> None:
        delta = llm.ChoiceDelta(role="assistant", content="All right then.")
        self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=delta))
        usage = llm.CompletionUsage(completion_tokens=3, prompt_tokens=5, total_tokens=8)
        self._event_ch.send_nowait(llm.ChatChunk(id="1", usage=usage))


class FakeSTT(stt.STT):
    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=True, interim_results=False))

    async def _recognize_impl(self, buffer: Any, **_: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, conn_options: Any = None, **_: Any) -> stt.RecognizeStream:
        return FakeHearing(stt=self, conn_options=conn_options or APIConnectOptions())


class FakeHearing(stt.RecognizeStream):
    async def _run(self) -> None:
        heard = 0
        async for _ in self._input_ch:
            heard += 1
            if heard != 5:
                continue
            said = stt.SpeechData(language="en", text="Hello there.")
            final = stt.SpeechEventType.FINAL_TRANSCRIPT
            self._event_ch.send_nowait(stt.SpeechEvent(type=final, request_id="1", alternatives=[said]))
            used = stt.RecognitionUsage(audio_duration=1.0)
            kind = stt.SpeechEventType.RECOGNITION_USAGE
            self._event_ch.send_nowait(stt.SpeechEvent(type=kind, request_id="1", recognition_usage=used))


class FakeTTS(tts.TTS):
    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE, num_channels=1)

    def synthesize(self, text: str, *, conn_options: Any = None) -> tts.ChunkedStream:
        return FakeSpeech(tts=self, input_text=text, conn_options=conn_options or APIConnectOptions())


class FakeSpeech(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="1", sample_rate=RATE, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(bytes(RATE // 5))
        output_emitter.flush()


class Microphone(io.AudioInput):
    def __init__(self) -> None:
        super().__init__(label="silence")

    async def __anext__(self) -> rtc.AudioFrame:
        await asyncio.sleep(0.01)
        return rtc.AudioFrame(bytes(RATE // 50), RATE, 1, RATE // 100)


class Speaker(io.AudioOutput):
    def __init__(self) -> None:
        super().__init__(label="nowhere", capabilities=io.AudioOutputCapabilities(pause=False))
        self.played = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if not self.played:
            self.on_playback_started(created_at=time.time())
        self.played += frame.duration

    def flush(self) -> None:
        super().flush()
        if self.played:
            self.on_playback_finished(playback_position=self.played, interrupted=False)
        self.played = 0.0

    def clear_buffer(self) -> None:
        self.flush()


async def turn(function: Any) -> list[list[Any]]:
    heard: list[Any] = []
    replies: list[str] = []

    def attach(session: AgentSession) -> None:
        session.input.audio = Microphone()
        session.output.audio = Speaker()
        session.on("speech_created", lambda ev: replies.append(ev.speech_handle.id))

    models = {"stt": FakeSTT(), "llm": FakeLLM(), "tts": FakeTTS()}
    session = await function(models, attach, heard.append)
    await asyncio.sleep(0.2)
    await session.commit_user_turn(transcript_timeout=0.2, stt_flush_duration=0.1)
    for _ in range(100):
        await asyncio.sleep(0.03)
        if {"tts_metrics", "llm_metrics"} <= {m.type for m in heard}:
            break
    await asyncio.sleep(0.1)
    await session.aclose()
    named = sorted([m.type, m.speech_id in replies] for m in heard if hasattr(m, "speech_id"))
    return [*named, ["stt_metrics", any(m.type == "stt_metrics" for m in heard)]]


class Warned(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        if "deprecated" in record.getMessage():
            print(json.dumps(["warned", record.getMessage()]))


async def main(path: str) -> None:
    logging.getLogger("livekit.agents").addHandler(Warned())
    spec = importlib.util.spec_from_file_location("app", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, function in vars(module).items():
        if inspect.iscoroutinefunction(function):
            print(json.dumps([name, await turn(function)]), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
