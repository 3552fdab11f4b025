"""The stand-in server as OpenAI's own client sees it, and the script that it follows."""

from __future__ import annotations

import json
import urllib.request
from array import array
from collections.abc import Iterator

import openai
import pytest

from lk_migrate.verify.sound import Sound, as_wav
from lk_migrate.verify.standin.script import (
    GREETING,
    NOTHING_LEFT,
    TRANSCRIPT,
    Call,
    Request,
    Say,
    Script,
    Tool,
    answer_text,
    turn_text,
)
from lk_migrate.verify.standin.server import serve

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
TOOL = {"type": "function", "function": {"name": "weather", "description": "d", "parameters": SCHEMA}}


def request(*turns: str, tools: tuple[str, ...] = (), may_call: bool = True) -> Request:
    return Request(turns, tuple(Tool(name, "", SCHEMA) for name in tools), may_call)


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with serve(Script()) as url:
        yield openai.OpenAI(base_url=f"{url}/v1", api_key="stand-in", max_retries=0)


def test_each_turn_calls_the_next_tool_then_answers() -> None:
    script, tools = Script(), ("a", "b")
    assert script.reply(request(turn_text(1), tools=tools)) == Call("a", {"city": "Berlin"})
    assert script.reply(request(turn_text(1), tools=tools)) == Say(answer_text(1))
    assert script.reply(request(turn_text(1), turn_text(2), tools=tools)) == Call("b", {"city": "Berlin"})
    assert script.not_called() == []
    assert script.reply(request(turn_text(3), tools=tools)) == Say(NOTHING_LEFT)


def test_tools_of_another_agent_are_called_once_they_are_offered() -> None:
    script = Script()
    script.reply(request(turn_text(1), tools=("a",)))
    assert script.reply(request(turn_text(2), tools=("a", "c"))) == Call("c", {"city": "Berlin"})


def test_a_tool_that_hands_over_is_called_again_for_those_that_are_left_there() -> None:
    script, turns = Script(), iter(range(1, 20))
    desk, cards = ("identify", "ask"), ("anew", "block", "pay")

    def called(tools: tuple[str, ...]) -> str | None:
        reply = script.reply(request(turn_text(next(turns)), tools=tools))
        return reply.tool if isinstance(reply, Call) else None

    assert [called(desk), called(desk)] == ["identify", "ask"]  # `ask` leads to the cards,
    assert called(cards) == "anew"  # and `anew` back to the desk, which has nothing left
    assert called(desk) == "ask"
    assert [called(cards), called(cards)] == ["block", "pay"]
    assert called(desk) is None and script.not_called() == []


def test_a_way_that_leads_nowhere_is_not_taken_for_ever() -> None:
    script, turns = Script(), iter(range(1, 20))
    for tools in (("ask",), ("anew", "block"), ("ask",)):  # after that, it does not lead there any more
        script.reply(request(turn_text(next(turns)), tools=tools))
    replies = [script.reply(request(turn_text(next(turns)), tools=("ask",))) for _ in range(4)]
    assert replies[-1] == Say(NOTHING_LEFT) and replies.count(Say(NOTHING_LEFT)) < 4


def test_in_a_new_conversation_the_way_back_is_the_shortest_one_known() -> None:
    """Only the last of three agents has tools left; on the way to it, two tools lead elsewhere or end the call."""
    script, turns = Script(), iter(range(1, 30))
    desk, cards, log = ("intent",), ("refuse", "anew", "confirm"), ("drop", "note")

    def called(tools: tuple[str, ...]) -> str | None:
        reply = script.reply(request(turn_text(next(turns)), tools=tools))
        return reply.tool if isinstance(reply, Call) else None

    script.begin()
    assert [called(desk), called(cards)] == ["intent", "refuse"]  # which ends the conversation
    script.begin()
    assert [called(desk), called(cards), called(desk)] == ["intent", "anew", "intent"]
    assert [called(cards), called(log)] == ["confirm", "drop"]  # which ends it, too
    script.begin()
    assert [called(desk), called(cards), called(log)] == ["intent", "confirm", "note"]
    assert script.not_called() == []


def test_tools_that_may_end_the_call_come_last() -> None:
    script = Script()
    assert script.reply(request(turn_text(1), tools=("end_call", "transfer", "z"))) == Call("z", {"city": "Berlin"})


def test_no_tool_is_called_out_of_turn() -> None:
    script = Script()
    assert script.reply(request("", tools=("a",))) == Say(GREETING)
    assert script.reply(request(turn_text(1), tools=("a",), may_call=False)) == Say(answer_text(1))
    assert script.not_called() == ["a"]


def test_tools_that_the_app_never_lets_its_model_call_are_told_apart() -> None:
    script = Script()
    script.reply(request(turn_text(1), tools=("a", "b"), may_call=False))
    assert script.forbidden() == {"a", "b"}
    script.reply(request(turn_text(2), tools=("b",)))
    script.reply(request(turn_text(3), tools=("b", "c"), may_call=False))
    assert script.forbidden() == {"a", "c"}


def test_chat_streams_a_tool_call(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(
        model="m", stream=True, tools=[TOOL], messages=[{"role": "user", "content": turn_text(1)}]
    )
    calls = [c for chunk in stream for choice in chunk.choices for c in choice.delta.tool_calls or ()]
    assert [(c.function.name, json.loads(c.function.arguments)) for c in calls] == [("weather", {"city": "Berlin"})]


def test_chat_streams_a_sentence_in_pieces(client: openai.OpenAI) -> None:
    stream = client.chat.completions.create(model="m", stream=True, messages=[{"role": "user", "content": "hello"}])
    pieces = [choice.delta.content for chunk in stream for choice in chunk.choices if choice.delta.content]
    assert len(pieces) > 1 and "".join(pieces) == GREETING


def test_chat_without_a_stream_and_with_a_json_schema(client: openai.OpenAI) -> None:
    wanted = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    done = client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "summarise"}], response_format=wanted
    )
    assert json.loads(done.choices[0].message.content or "") == {"city": "Berlin"}


def test_responses_streamed_and_whole(client: openai.OpenAI) -> None:
    tool = {"type": "function", **TOOL["function"], "strict": False}
    events = list(client.responses.create(model="m", input=turn_text(1), tools=[tool], stream=True))
    assert events[-1].type == "response.completed"
    assert events[-1].response.output[0].name == "weather"
    assert client.responses.create(model="m", input="hello").output_text == GREETING


def test_embeddings_have_the_wanted_length_and_are_stable(client: openai.OpenAI) -> None:
    first, same = (
        client.embeddings.create(model="m", input=["opening hours"], dimensions=64).data[0].embedding for _ in range(2)
    )
    assert first == same and len(first) == 64


def test_speech_and_transcription(client: openai.OpenAI) -> None:
    speech = client.audio.speech.create(model="m", voice="ash", input="some words", response_format="pcm")
    assert len(speech.content) > 1000
    wav = client.audio.speech.create(model="m", voice="ash", input="some words", response_format="wav").content
    assert client.audio.transcriptions.create(model="m", file=("a.wav", wav)).text == TRANSCRIPT


def test_the_audio_that_comes_to_be_transcribed_is_kept_with_its_text() -> None:
    sound = Sound(16_000, array("h", [10, 13, -1, 0x0D0A, 2] * 100).tobytes())  # line ends are samples as others are
    script = Script()
    with serve(script) as url:
        client = openai.OpenAI(base_url=f"{url}/v1", api_key="stand-in", max_retries=0)
        client.audio.transcriptions.create(model="m", file=("a.wav", as_wav(sound)), language="en")
        urllib.request.urlopen(  # as the framework's own stand-in recogniser sends it
            urllib.request.Request(f"{url}/v1/audio/transcriptions", as_wav(sound), {"content-type": "audio/wav"})
        ).close()
        client.audio.transcriptions.create(model="m", file=("a.webm", b"no WAV at all"))
    assert [(one.text, one.sound) for one in script.served] == [(TRANSCRIPT, sound)] * 2 + [(TRANSCRIPT, None)]


def test_an_unknown_path_is_a_404(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no /v1/images"):
        client.images.generate(model="m", prompt="p")
