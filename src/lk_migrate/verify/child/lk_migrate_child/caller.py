"""`python -m lk_migrate_child.caller`: the other end of `python -m livekit.agents console --connect-addr`.

Listens on a free port of the loopback interface (observation `listening`), and is a caller with a microphone and
a loudspeaker: it hears at the speed of sound, and what it hears and is told are observations. Reads commands from
standard input, one JSON object a line with `do` and `id`; each is answered by an observation `reply`.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from typing import Any

from lk_migrate_child.events import emit

RATE = 48_000  # Hz: what the protocol's audio frames have (livekit/agents/cli/tcp_console.py)
FRAME = 960  # samples: 20 ms
SILENCE = bytes(2 * FRAME)


class Loudspeaker:
    """Plays what comes, as long as it lasts, and says when it is over: the agent waits for that."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.seconds = 0.0

    def play(self, seconds: float) -> None:
        if not self.seconds:
            self.begun = time.monotonic()
            emit("audio_begun")
        self.seconds += seconds

    def left(self) -> float:
        """Seconds until all that came has been played."""
        return max(0.0, self.begun + self.seconds - time.monotonic()) if self.seconds else 0.0

    def end(self, event: str) -> None:
        played = min(self.seconds, time.monotonic() - self.begun) if self.seconds else 0.0
        if self.seconds:
            emit(event, seconds=round(played, 3), sent=round(self.seconds, 3))
        self.seconds = 0.0


class Caller:
    """One connection of an agent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from livekit.agents.voice.remote_session import RemoteSession, TcpSessionTransport
        from livekit.protocol.agent_pb import agent_session as pb

        caller = self

        class Accepted(TcpSessionTransport):
            """The framework's transport on a connection that was accepted; audio goes to the loudspeaker."""

            async def start(self) -> None:
                self._reader, self._writer = reader, writer
                self._loop = asyncio.get_running_loop()

            async def __anext__(self) -> pb.AgentSessionMessage:
                message = await super().__anext__()
                caller._on_message(message)
                return message

        self._pb = pb
        self._transport = Accepted("", 0)
        self.session = RemoteSession(self._transport)
        self._loudspeaker = Loudspeaker()
        self._to_say = bytearray()
        self._playing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen, and to send what the microphone hears."""
        for name, on_event in _EVENTS.items():
            self.session.on(name, on_event)  # type: ignore[arg-type]
        await self.session.start()
        self._tasks.add(asyncio.create_task(self._microphone()))

    def _on_message(self, message: Any) -> None:
        kind = message.WhichOneof("message")
        if kind == "audio_output":
            frame = message.audio_output
            self._loudspeaker.play(frame.samples_per_channel / frame.sample_rate)
        elif kind == "audio_playback_flush" and self._loudspeaker.seconds:
            self._playing = asyncio.create_task(self._play_out())
        elif kind == "audio_playback_clear":
            if self._playing is not None:
                self._playing.cancel()
            self._loudspeaker.end("audio_stopped")

    async def _play_out(self) -> None:
        await asyncio.sleep(self._loudspeaker.left())
        self._loudspeaker.end("audio_played")
        finished = self._pb.AgentSessionMessage.ConsoleIO.AudioPlaybackFinished()
        await self._transport.send_message(self._pb.AgentSessionMessage(audio_playback_finished=finished))

    async def _microphone(self) -> None:
        """A frame every 20 ms, silence when nobody speaks, as a real one sends."""
        begun, sent = time.monotonic(), 0
        speaking = False
        while True:
            if bool(self._to_say) != speaking:
                speaking = not speaking
                emit("speech_begun" if speaking else "speech_ended")
            data = bytes(self._to_say[: 2 * FRAME]).ljust(2 * FRAME, b"\0") if speaking else SILENCE
            del self._to_say[: 2 * FRAME]
            frame = self._pb.AgentSessionMessage.ConsoleIO.AudioFrame(
                data=data, sample_rate=RATE, num_channels=1, samples_per_channel=FRAME
            )
            await self._transport.send_message(self._pb.AgentSessionMessage(audio_input=frame))
            sent += 1
            await asyncio.sleep(max(0.0, begun + sent * FRAME / RATE - time.monotonic()))

    async def obey(self, command: dict[str, Any]) -> dict[str, Any]:
        """Do one command; what it answers."""
        do = command["do"]
        if do == "speak":
            with open(command["samples"], "rb") as file:  # noqa: PTH123
                self._to_say += file.read()
            return {}
        if do == "info":
            await self.session.wait_for_ready(timeout=command["seconds"])
            info, state = await self.session.get_agent_info(), await self.session.get_session_state()
            framework = await self.session.get_framework_info()
            return {
                "agent": info.id,
                "instructions": info.instructions,
                "tools": list(info.tools),
                "context": [_item(item) for item in info.chat_ctx],
                "options": dict(state.options),
                "version": framework.sdk_version,
            }
        if do == "audio":
            on = bool(command["on"])
            await self.session.update_io(output_audio_enabled=on, input_audio_enabled=on)
            return {}
        if do == "run":
            answer = await self.session.run(command["text"], timeout=command["seconds"])
            return {"items": [_item(item) for item in answer.items]}
        if do == "history":
            history = await self.session.get_chat_history()
            return {"items": [_item(item) for item in history.items]}
        raise ValueError(f"there is no command {do!r}")


def _item(item: Any) -> dict[str, Any]:
    """A chat item of the protocol as plain data."""
    from google.protobuf.json_format import MessageToDict

    kind = item.WhichOneof("item") or ""
    return {"kind": kind, **MessageToDict(getattr(item, kind), preserving_proto_field_name=True)} if kind else {}


def _state(value: int, names: Any) -> str:
    return str(names.Name(value)).split("_", 1)[-1].lower()


def _on_user_state(event: Any) -> None:
    from livekit.protocol.agent_pb import agent_session as pb

    emit("user_state", state=_state(event.user_state_changed.new_state, pb.UserState))


def _on_agent_state(event: Any) -> None:
    from livekit.protocol.agent_pb import agent_session as pb

    emit("agent_state", state=_state(event.agent_state_changed.new_state, pb.AgentState))


def _on_transcript(event: Any) -> None:
    heard = event.user_input_transcribed
    if heard.is_final:
        emit("heard", text=heard.transcript)


_EVENTS = {
    "user_state_changed": _on_user_state,
    "agent_state_changed": _on_agent_state,
    "user_input_transcribed": _on_transcript,
    "error": lambda event: emit("remote_error", error=event.error.message),
}


async def _commands() -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def _answer(caller: Caller, command: dict[str, Any]) -> None:
    try:
        emit("reply", id=command["id"], **await caller.obey(command))
    except Exception as error:
        emit("reply", id=command["id"], error=f"{type(error).__name__}: {error}".rstrip(": "))


async def _serve(listening: socket.socket) -> None:
    commands = await _commands()
    connected: asyncio.Future[Caller] = asyncio.get_running_loop().create_future()

    async def on_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if connected.done():
            writer.close()
            return
        caller = Caller(reader, writer)
        await caller.start()
        emit("connected")
        connected.set_result(caller)

    server = await asyncio.start_server(on_connection, sock=listening)
    caller = await connected
    running: set[asyncio.Task[None]] = set()
    while line := await commands.readline():
        task = asyncio.create_task(_answer(caller, json.loads(line)))
        running.add(task)
        task.add_done_callback(running.discard)
    await caller.session.aclose()
    server.close()


def main() -> None:
    """Listen first, import later: the agent may connect meanwhile."""
    listening = socket.create_server(("127.0.0.1", 0))
    emit("listening", port=listening.getsockname()[1])
    asyncio.run(_serve(listening))


if __name__ == "__main__":
    main()
