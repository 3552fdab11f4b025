"""The stand-in models' HTTP server, on a free port of the loopback interface."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lk_migrate.verify.sound import Sound, as_wav, read_wav
from lk_migrate.verify.speech import speech
from lk_migrate.verify.standin import wire
from lk_migrate.verify.standin.script import Call, Request, Say, Script

SPEECH_RATE = 24_000  # Hz; what OpenAI's `pcm` format has
_PER_WORD = 0.2  # seconds of speech; a lively speaker


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script = script

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that is killed while it reads is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the terminal belongs to the rows."""

    def do_GET(self) -> None:
        if self.path.split("?")[0].endswith("/models"):
            model = {"id": "stand-in", "object": "model", "created": 0, "owned_by": "lk-migrate"}
            self._send_json({"object": "list", "data": [model]})
        else:
            self._not_found()

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        route = self.path.split("?")[0]
        if route.endswith("/audio/transcriptions"):
            sound = read_wav(wire.uploaded(raw, self.headers.get("content-type", "")))
            self._send_json({"text": self.server.script.transcribe(sound)})
        elif route.endswith("/audio/speech"):
            self._send_speech(_json(raw))
        elif route.endswith("/embeddings"):
            self._send_json(wire.embeddings(_json(raw)))
        elif route.endswith("/chat/completions"):
            body = _json(raw)
            reply = self._reply(wire.read_chat(body))
            model = str(body.get("model", "stand-in"))
            if body.get("stream"):
                self._send_events(wire.chat_chunks(reply, model))
            else:
                self._send_json(wire.chat_completion(reply, model))
        elif route.endswith("/responses"):
            body = _json(raw)
            reply = self._reply(wire.read_response(body))
            model = str(body.get("model", "stand-in"))
            if body.get("stream"):
                self._send_events(wire.response_events(reply, model))
            else:
                self._send_json(wire.response(reply, model))
        else:
            self._not_found()

    def _reply(self, request: Request) -> Say | Call:
        reply = self.server.script.reply(request)
        self.server.script.note("call" if isinstance(reply, Call) else "reply")
        return reply

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _send_json(self, value: object, status: int = 200) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _not_found(self) -> None:
        error = {"message": f"the stand-in server has no {self.path}", "type": "invalid_request_error"}
        self._send_json({"error": error}, 404)

    def _send_events(self, events: Iterable[str]) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for event in events:
            data = f"data: {event}\n\n".encode()
            self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.write(b"0\r\n\r\n")

    def _send_speech(self, body: dict[str, Any]) -> None:
        samples = speech(_PER_WORD * len(str(body.get("input", "")).split()), SPEECH_RATE)
        self.server.script.note("speech", len(samples) / 2 / SPEECH_RATE)
        if body.get("response_format") == "pcm":
            self._send(200, "audio/pcm", samples)
        else:
            self._send(200, "audio/wav", as_wav(Sound(SPEECH_RATE, samples)))


def _json(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw or b"{}")
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


@contextmanager
def serve(script: Script) -> Iterator[str]:
    """Run the server; its address, such as `http://127.0.0.1:40123`, without `/v1`."""
    server = _Server(script)
    thread = threading.Thread(target=server.serve_forever, name="stand-in models", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
