"""A recogniser and a voice that ask the stand-in server, with nothing but the framework: no plugin is needed."""

from __future__ import annotations

import asyncio
import json
import os
import urllib.request
from typing import Any

from livekit import rtc
from livekit.agents import stt, tts
from livekit.agents.types import DEFAULT_API_CONNECT_OPTIONS, APIConnectOptions
from livekit.agents.utils import shortuuid

_RATE = 24_000  # Hz: what the stand-in server's `pcm` has
_SECONDS = 30.0


def _post(path: str, data: bytes, kind: str) -> bytes:
    request = urllib.request.Request(
        os.environ["LK_MIGRATE_STANDIN"] + path, data, {"Content-Type": kind}, method="POST"
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_SECONDS) as answer:
        body: bytes = answer.read()
    return body


class StandInSTT(stt.STT):
    """Hears whatever the stand-in server is told to hear."""

    def __init__(self) -> None:
        super().__init__(capabilities=stt.STTCapabilities(streaming=False, interim_results=False))

    def update_options(self, **options: Any) -> None:
        """What a tool that changes the language asks the provider's for."""

    async def _recognize_impl(
        self, buffer: Any, *, language: Any = None, conn_options: APIConnectOptions
    ) -> stt.SpeechEvent:
        sound = rtc.combine_audio_frames(buffer).to_wav_bytes()
        answer = await asyncio.to_thread(_post, "/v1/audio/transcriptions", sound, "audio/wav")
        heard = stt.SpeechData(text=json.loads(answer)["text"], language="en")  # type: ignore[arg-type]
        return stt.SpeechEvent(type=stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard])


class StandInTTS(tts.TTS):
    """Says it with the stand-in server's voice."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=_RATE, num_channels=1)

    def update_options(self, **options: Any) -> None:
        """What a tool that changes the language or the voice asks the provider's for."""

    def synthesize(
        self, text: str, *, conn_options: APIConnectOptions = DEFAULT_API_CONNECT_OPTIONS
    ) -> tts.ChunkedStream:
        """All of a sentence's speech at once."""
        return _Speech(tts=self, input_text=text, conn_options=conn_options)


class _Speech(tts.ChunkedStream):
    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        body = json.dumps({"input": self.input_text, "response_format": "pcm"}).encode()
        speech = await asyncio.to_thread(_post, "/v1/audio/speech", body, "application/json")
        output_emitter.initialize(request_id=shortuuid(), sample_rate=_RATE, num_channels=1, mime_type="audio/pcm")
        output_emitter.push(speech)
        output_emitter.flush()
