"""What the stand-in model says: it is asked for one tool after the other, by numbered turns of the user.

The person's instructions, history and tools arrive as in any request; only a user turn made by `turn_text` is
answered with a tool call. Everything else (a greeting, an answer after a tool, a summary that the app asks
for
by itself) is answered with a sentence.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from lk_migrate.verify.sound import Sound
from lk_migrate.verify.standin.arguments import Schema, arguments_for
from lk_migrate.verify.standin.ways import Offer, Ways

GREETING = "Hello from the stand-in model."
NOTHING_LEFT = "Every tool that I was offered has been called."
TRANSCRIPT = "This is a stand-in transcript."
_TURN = re.compile(r"lk-migrate turn (\d+):")
_AT_LENGTH = "please talk at length."
_LONG_SENTENCE = "This sentence has no other purpose than to go on for a while, so that somebody may interrupt it."

#: A tool with such a name probably ends the call or hands it over, so the others are called first.
_LAST = re.compile(
    r"end|hang|bye|transfer|hand_?off|escalat|shut|quit|stop|leave|close|finish|finaliz|terminate|switch|route|cancel|abort|\bback"
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as offered to the model. `schema` are its parameters as JSON schema."""

    name: str
    description: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class Request:
    """One request to the model, whichever endpoint it came through.

    `response_schema`: JSON is wanted back.
    """

    user_turns: tuple[str, ...]
    tools: tuple[Tool, ...]
    may_call: bool
    response_schema: Schema | None = None


@dataclass(frozen=True, slots=True)
class Say:
    """The model answers with a text."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """The model calls a tool."""

    tool: str
    arguments: dict[str, Any]


def turn_text(number: int) -> str:
    """What the user says to have the next tool called."""
    return f"lk-migrate turn {number}: please use the next tool."


def long_turn_text(number: int) -> str:
    """What the user says to have the model talk for some twenty seconds."""
    return f"lk-migrate turn {number}: {_AT_LENGTH}"


def spoken_part(text: str) -> str:
    """What a voice says of such a turn: the sentence, without the number."""
    return _TURN.sub("", text).strip()


def answer_text(number: int) -> str:
    """What the model says once the tool of that turn has run."""
    return f"Stand-in answer {number}."


def turn_number(request: Request) -> int | None:
    """The number of the last scripted user turn in the conversation."""
    for text in reversed(request.user_turns):
        if found := _TURN.search(text):
            return int(found.group(1))
    return None


def in_calling_order(tools: Iterable[Tool]) -> list[Tool]:
    """As offered, but the ones that may end the conversation last."""
    return sorted(tools, key=lambda tool: bool(_LAST.search(tool.name.lower())))


@dataclass(frozen=True, slots=True)
class Served:
    """A request that was answered: `transcription`, `reply` (`talk` before a long one), `call` or `speech`, `at`
    (time.monotonic), and how many `seconds` of audio it was about. A transcription has its `text`, and the `sound`
    that came, if it was a WAV."""

    kind: str
    at: float
    seconds: float = 0.0
    text: str = ""
    sound: Sound | None = None


@dataclass
class Script:
    """The model's memory over a whole verification, several sessions included. Safe to use from threads.

    `transcript` is what the recogniser hears, whatever is said."""

    transcript: str = TRANSCRIPT
    served: list[Served] = field(default_factory=list)
    offered: dict[str, Tool] = field(default_factory=dict)
    called: dict[str, int] = field(default_factory=dict)  # tool name → the turn it was called in
    _callable: set[str] = field(default_factory=set)  # offered in a request that lets the model call tools
    _answered: set[int] = field(default_factory=set)
    _ways: Ways = field(default_factory=Ways)
    _last: tuple[str, Offer] | None = None  # the tool that was called last, and what was offered then
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def begin(self) -> None:
        """A new conversation: what is offered first is not where the last call of the one before has led."""
        with self._lock:
            self._last = None
            self._ways.begin()

    def reply(self, request: Request) -> Say | Call:
        """Answer one request, and remember it."""
        with self._lock:
            turn = turn_number(request)
            self.offered.update({tool.name: tool for tool in request.tools})
            if request.may_call:
                self._callable.update(tool.name for tool in request.tools)
            if request.response_schema is not None:
                return Say(json.dumps(arguments_for(request.response_schema)))
            if turn is None:
                return Say(GREETING)
            if request.user_turns[-1].endswith(_AT_LENGTH):
                self.served.append(Served("talk", time.monotonic()))
                return Say(" ".join([_LONG_SENTENCE] * 5))
            if turn in self._answered or not request.tools or not request.may_call:
                return Say(answer_text(turn))
            self._answered.add(turn)
            tool = self._next(request.tools)
            if tool is None:
                return Say(NOTHING_LEFT)
            self.called[tool.name] = turn
            return Call(tool.name, arguments_for(tool.schema))

    def _next(self, tools: tuple[Tool, ...]) -> Tool | None:
        """A tool that was not called yet; else one that leads to an agent which has such."""
        here, names = frozenset(tool.name for tool in tools), [tool.name for tool in tools]
        if self._last is not None and here != self._last[1]:
            self._ways.leads[self._last] = here
        left = [tool.name for tool in in_calling_order(tools) if tool.name not in self.called]
        name = left[0] if left else None
        if not left and self.offered.keys() - self.called.keys():
            name = self._ways.take(here, names, lambda offer: bool(offer - self.called.keys()))
        self._last = (name, here) if name is not None else None
        return next((tool for tool in tools if tool.name == name), None)

    def note(self, kind: str, seconds: float = 0.0) -> None:
        """Remember that a request was answered."""
        with self._lock:
            self.served.append(Served(kind, time.monotonic(), seconds))

    def transcribe(self, sound: Sound | None) -> str:
        """Write down what was said, which is what stands in the script."""
        with self._lock:
            seconds = sound.seconds if sound is not None else 0.0
            self.served.append(Served("transcription", time.monotonic(), seconds, self.transcript, sound))
            return self.transcript

    def called_in(self, turn: int) -> str | None:
        """The tool that was called in a turn, if any."""
        with self._lock:
            return next((name for name, number in self.called.items() if number == turn), None)

    def not_called(self) -> list[str]:
        """Names of tools that were offered, and never called."""
        with self._lock:
            return [tool.name for tool in in_calling_order(self.offered.values()) if tool.name not in self.called]

    def forbidden(self) -> frozenset[str]:
        """Tools that came with `tool_choice="none"` only: an app that forbids its model to call them."""
        with self._lock:
            return frozenset(self.offered.keys() - self._callable)
