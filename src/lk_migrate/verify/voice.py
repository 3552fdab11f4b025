"""Stage *voice*: the agent is called, spoken to and heard, over the protocol of `lk agent console`.

Everything of the agent's own is real: its voice activity detector, endpointing, session, tools and playback. Only
the recogniser, the model and the voice are the stand-in's; what is said to the agent is synthetic (see `speech` and
`synthesiser`).
"""

from __future__ import annotations

import ast
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lk_migrate.model import Place
from lk_migrate.verify import findings
from lk_migrate.verify.context import Clock, Context
from lk_migrate.verify.greeting import silent
from lk_migrate.verify.observations import Observation, Observations, place_of
from lk_migrate.verify.remote import RATE, Call, NoAnswer, call
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.speech import speech
from lk_migrate.verify.standin.script import Script, long_turn_text, spoken_part, turn_text
from lk_migrate.verify.standin.server import serve
from lk_migrate.verify.synthesiser import said
from lk_migrate.verify.terminal import last_lines, plain
from lk_migrate.verify.test_bed import stood_in
from lk_migrate.verify.understood import understood

STAGE = "voice"
COMMAND = "lk agent console"

_STARTS_IN = 40.0  # seconds; as in the console
_GREETS_IN = 3.0  # seconds after the session is there
_UTTERANCE = 1.5  # seconds of speech, or about as many where a sentence is said
_HEARD_IN = 4.0  # seconds for the detector to hear speech
_ANSWERS_IN = 20.0  # seconds from the end of speech to the end of the answer; endpointing may take six of them
_SPEAKS_FIRST = 3.5  # seconds; the framework ignores interruptions in the first three of a call (AEC warm-up)
_STOPS_IN = 6.0  # seconds from the interrupting words to silence
_ENDS_IN = 20.0  # seconds after SIGTERM; as in the console


@dataclass
class _Run:
    context: Context
    script: Script
    observations: Observations
    call: Call
    turn: int = 0


def run(context: Context) -> Iterator[Row]:
    """Call it, ask it who it is, listen to its greeting, have it use a tool, interrupt it, hang up."""
    reason = _why_not(context)
    if reason:
        yield Row(STAGE, COMMAND, Status.SKIPPED, reason)
        return
    observations = Observations(context.scratch / "voice.jsonl")
    script = Script()
    with serve(script) as server:
        env = stood_in(context, observations.file, server)
        context.tell("the agent to be called")
        with call(context, STAGE, env, observations) as line:
            yield from _conversation(_Run(context, script, observations, line))
    row = understood(STAGE, script)
    if row is not None:
        yield row
    yield from findings.on_the_side(STAGE, observations)


def _why_not(context: Context) -> str:
    if context.main is None:
        return context.no_main
    if context.live:
        return "a real recogniser makes nothing of synthetic speech; talk to it yourself"
    return ""


def _conversation(run: _Run) -> Iterator[Row]:
    try:
        connected = _connected(run)
        yield connected
        if connected.status is not Status.OK:
            return
        info = run.call.ask("info", Clock(_STARTS_IN))
        yield _who(info)
        yield _greeting(run)
        turn = list(_spoken_turn(run))
        yield from turn
        if all(row.status is Status.OK for row in turn):
            yield _barge_in(run, info["options"])
            yield _history(run)
        yield from findings.later_failure(STAGE, run.observations, run.context)
        yield _end(run)
    except NoAnswer as error:
        detail, place = str(error), None
        if run.call.agent.poll() is not None:
            detail, place = findings.crash(run.call.output(), run.context)
            detail = f"it ended, exit code {run.call.agent.returncode}: {detail}"
        yield Row(STAGE, "the call", Status.FAILED, detail, place)


def _connected(run: _Run) -> Row:
    begun = time.monotonic()
    name = f"python -m livekit.agents console {run.context.main}"
    run.call.wait(lambda: run.call.observed("session_started") or _failure(run), Clock(_STARTS_IN))
    seconds = time.monotonic() - begun
    started, failure = run.call.observed("session_started"), _failure(run)
    if failure is not None and not started:
        return _failed_start(run, name, *failure, seconds)
    if started:
        return Row(STAGE, name, Status.OK, f"it starts, as under `{COMMAND}`", seconds=seconds)
    if not run.call.ended():
        return Row(STAGE, name, Status.FAILED, *_no_session(run, seconds), seconds)
    output = run.call.output()
    if "Could not find AgentServer in module" in output:
        detail = f"{run.context.main} defines no AgentServer at module level, which `{COMMAND}` looks for"
        return Row(STAGE, name, Status.SKIPPED, detail, None, seconds)
    detail, place = findings.crash(output, run.context)
    return Row(STAGE, name, Status.FAILED, f"it ended before a session: {detail}", place, seconds)


def _failed_start(run: _Run, name: str, detail: str, place: Place | None, seconds: float) -> Row:
    said = "" if place is not None else f"; last output: {last_lines(plain(run.call.output()))}"
    return Row(STAGE, name, Status.FAILED, detail + said, place, seconds)


def _no_session(run: _Run, seconds: float) -> tuple[str, Place | None]:
    errors = run.observations.of("error_log") or run.observations.of("waits_for_participant")
    if errors:
        return f"{errors[-1].get('error', 'it waits for a participant')} within {seconds:.0f} s", place_of(errors[-1])
    waits = findings.where_it_waits(run.call.agent, run.observations)
    detail, place = waits or (f"last output: {last_lines(plain(run.call.output()))}", None)
    return f"no session within {seconds:.0f} s: {detail}", place


def _failure(run: _Run) -> tuple[str, Place | None] | None:
    return findings.start_failure(run.observations, run.context)


def _who(info: Observation) -> Row:
    tools, instructions = info["tools"], info["instructions"].strip()
    prompt = _prompt_in(info["context"])
    named = f"{len(tools)} tool{'s' * (len(tools) != 1)}"
    if not instructions and not prompt:
        return Row(STAGE, "agent", Status.FAILED, f"{info['agent']} has no instructions; {named}")
    said = f"{len(instructions or prompt)} characters of instructions{'' if instructions else ' in its chat context'}"
    return Row(STAGE, "agent", Status.OK, f"{info['agent']}: {said}, {named}, SDK {info['version']}")


def _prompt_in(context: list[dict[str, Any]]) -> str:
    """What a chat context tells the model in the name of the app: 0.x had its prompt there."""
    told = [item for item in context if item["kind"] == "message" and item.get("role") in ("SYSTEM", "DEVELOPER")]
    return "\n".join(part.get("text", "") for item in told for part in item.get("content", ())).strip()


def _greeting(run: _Run) -> Row:
    run.context.tell("the greeting to be heard")
    begun = time.monotonic()
    heard = run.call.wait(lambda: run.call.observed("audio_begun"), Clock(_GREETS_IN))
    if not heard:
        return silent(run.context, STAGE)
    over = run.call.wait(lambda: run.call.observed("audio_played"), Clock(_ANSWERS_IN))
    seconds = time.monotonic() - begun
    if not over:
        return Row(STAGE, "greeting", Status.FAILED, "it begins to speak and does not end", seconds=seconds)
    return Row(STAGE, "greeting", Status.OK, f"{over['sent']:.1f} s of speech are heard", seconds=seconds)


def _spoken_turn(run: _Run) -> Iterator[Row]:
    """One utterance, one tool, one answer: each link of the chain has a row if it is the one that broke."""
    run.turn += 1
    run.context.tell("the agent to hear, and to answer")
    since, served = len(run.observations.refresh()), len(run.script.served)
    _say(run, turn_text(run.turn))
    if not run.call.wait(lambda: _user_speaks(run, since), Clock(_UTTERANCE + _HEARD_IN)):
        why = "no voice activity is detected: is a `vad` given to the session, and is its input on?"
        yield Row(STAGE, "hears", Status.FAILED, why)
        return
    clock = Clock(_UTTERANCE + _ANSWERS_IN)
    run.call.wait(lambda: _answered(run, since, served) or _out_of_reach(run, since), clock)
    over, host = _answered(run, since, served), _out_of_reach(run, since)
    steps = _steps(run, since, served)
    tool = run.script.called_in(run.turn)
    begun, last = dict(steps), steps[-1][1] if steps else 0.0
    for name, step, missing in (
        ("hears", "transcript", "speech is detected, but no transcript of it comes back"),
        ("thinks", "model answers", "the transcript does not reach the model: the turn is not ended"),
    ):
        if step not in begun:
            yield _broken(run, name, missing, host, since, last, steps)
            return
    if tool is not None and "tool runs" not in begun:
        yield Row(
            STAGE, tool, Status.FAILED, "the model calls it, and it does not run" + _errors(run, since), steps=steps
        )
        return
    if not over:
        missing = "it answers in text, and no speech is heard" if "voice" not in begun else "its speech does not end"
        yield _broken(run, "speaks", missing, host, since, last, steps)
        return
    yield _heard_and_answered(run, since, served, tool, steps)


def _say(run: _Run, text: str) -> None:
    """Say it to the agent, as a sentence if there is a program that speaks; the stand-in writes down the script."""
    sentence = said(spoken_part(text), RATE)
    run.script.transcript = text
    run.call.speak(sentence.samples if sentence is not None else speech(_UTTERANCE, RATE))


def _broken(
    run: _Run, name: str, missing: str, host: str, since: int, seconds: float, steps: tuple[tuple[str, float], ...]
) -> Row:
    """A link of the chain that does not hold; not the app's fault where a model class of its own needs the network."""
    if name == "thinks" and _ends_turns_itself(run.context):
        detail = "the app ends turns itself (turn detection “manual”, as for push-to-talk), and nobody does that here"
        return Row(STAGE, name, Status.SKIPPED, detail, seconds=seconds, steps=steps)
    if host:
        detail = f"{missing}: a model class of your own asks {host}, which is out of reach here"
        return Row(STAGE, name, Status.SKIPPED, detail, seconds=seconds, steps=steps)
    return Row(STAGE, name, Status.FAILED, missing + _errors(run, since), seconds=seconds, steps=steps)


def _ends_turns_itself(context: Context) -> bool:
    texts = ((context.workspace / file).read_text("utf-8", "replace") for file in context.app_files)
    return any(re.search(r"turn_detection[\"']?\s*[=:]\s*[\"']manual", text) for text in texts)


def _out_of_reach(run: _Run, since: int) -> str:
    """The machine that one of the session's models failed to reach in this turn, as far as one can see; else ""."""
    # A task of the session's own that ends with an error is only logged: "Error in _tts_inference_task: …".
    logged = [one for one in run.observations.of("error_log", since) if one["error"].startswith("Error in _")]
    failed = run.observations.of("session_error", since) + logged
    refused = [one["host"] for one in run.observations.of("refused")]
    return next((host for host in refused if any(str(host) in one["error"] for one in failed)), "")


def _heard_and_answered(
    run: _Run, since: int, served: int, tool: str | None, steps: tuple[tuple[str, float], ...]
) -> Row:
    name = f"a spoken turn, {tool}" if tool else "a spoken turn"
    made = [one.seconds for one in run.script.served[served:] if one.kind == "speech"]
    heard = sum(one["sent"] for one in run.observations.of("audio_played", since))
    # What was made ahead of the end of the turn may have been thrown away; the last of it is the answer.
    if not made:
        return Row(STAGE, name, Status.OK, "heard, and the tool ran; there is nothing to say to it", steps=steps)
    if not 0.7 * made[-1] <= heard <= 1.3 * sum(made):
        detail = f"the voice made {sum(made):.1f} s of speech, {heard:.1f} s are heard"
        return Row(STAGE, name, Status.FAILED, detail, steps=steps)
    at = dict(steps)
    delay = at["heard again"] - at["end of speech"]
    detail = f"heard, {'the tool ran, ' if tool else ''}{heard:.1f} s of answer {delay:.1f} s after the last word"
    return Row(STAGE, name, Status.OK, detail, seconds=steps[-1][1], steps=steps)


def _user_speaks(run: _Run, since: int) -> bool:
    return any(one["state"] == "speaking" for one in run.observations.of("user_state", since))


def _answered(run: _Run, since: int, served: int) -> bool:
    """Whether an answer was heard to its end, and nothing more of it is to come."""
    spoken = [one for one in run.script.served[served:] if one.kind == "speech"]
    played = run.observations.of("audio_played", since)
    states = run.observations.of("agent_state", since)
    tool = run.script.called_in(run.turn)
    if tool is not None and run.observations.of("tool_ran", since):
        ran = run.observations.of("tool_ran", since)[-1]
        if not ran["reply"] and states and states[-1]["state"] == "listening":
            return True
    return bool(spoken and played and states and states[-1]["state"] != "speaking")


def _steps(run: _Run, since: int, served: int) -> tuple[tuple[str, float], ...]:
    """The timeline of a turn, in seconds from the first word."""
    first = run.call.observed("speech_begun", since)
    if first is None:
        return ()
    found: dict[str, float] = {"speech": first["at"]}

    def note(name: str, at: float | None) -> None:
        if at is not None:
            found.setdefault(name, at)

    def observed(event: str, **wanted: str) -> float | None:
        for one in run.observations.of(event, since):
            if all(one[key] == value for key, value in wanted.items()):
                return float(one["at"])
        return None

    def answered(*kinds: str) -> float | None:
        return next((one.at for one in run.script.served[served:] if one.kind in kinds), None)

    note("voice activity", observed("user_state", state="speaking"))
    note("end of speech", observed("speech_ended"))
    note("recogniser asked", answered("transcription"))
    note("transcript", observed("heard"))
    note("model answers", answered("call", "reply"))
    note("tool runs", observed("tool_ran"))
    note("voice", answered("speech"))
    note("heard again", observed("audio_begun"))
    note("silence", observed("audio_played"))
    ordered = sorted(found.items(), key=lambda item: item[1])
    return tuple((name, round(at - first["at"], 2)) for name, at in ordered)


def _errors(run: _Run, since: int) -> str:
    errors = run.observations.of("session_error", since) or run.observations.of("error_log", since)
    return f"; {errors[-1]['error']}" if errors else ""


def _barge_in(run: _Run, options: dict[str, str]) -> Row:
    if not _interruptible(options):
        return Row(STAGE, "barge-in", Status.SKIPPED, "interruptions are switched off in this session")
    run.context.tell("the agent to be interrupted")
    run.turn += 1
    since, served = len(run.observations.refresh()), len(run.script.served)
    _say(run, long_turn_text(run.turn))
    begun = run.call.wait(lambda: _talks(run, since, served), Clock(_UTTERANCE + _ANSWERS_IN))
    if not begun:
        return Row(
            STAGE, "barge-in", Status.FAILED, "it does not speak, so it cannot be interrupted" + _errors(run, since)
        )
    first = run.observations.of("audio_begun")[0]["at"]
    time.sleep(max(1.0, first + _SPEAKS_FIRST - time.monotonic()))
    run.turn += 1
    middle = len(run.observations.refresh())
    _say(run, turn_text(run.turn))
    stopped = run.call.wait(lambda: run.call.observed("audio_stopped", middle), Clock(_UTTERANCE + _STOPS_IN))
    spoke = run.call.observed("speech_begun", middle)
    if not stopped or not spoke:
        return Row(STAGE, "barge-in", Status.FAILED, "somebody speaks over it, and it goes on" + _errors(run, since))
    seconds = stopped["at"] - spoke["at"]
    detail = f"it stops {seconds:.1f} s after the first word, with {stopped['sent'] - stopped['seconds']:.1f} s unsaid"
    run.call.wait(lambda: run.call.observed("audio_played", middle), Clock(_ANSWERS_IN))
    return Row(STAGE, "barge-in", Status.OK, detail, seconds=seconds)


def _talks(run: _Run, since: int, served: int) -> bool:
    """Whether it has begun to say what it was asked to; an agent that has just got the floor may greet before."""
    told = next((one.at for one in run.script.served[served:] if one.kind == "talk"), None)
    return told is not None and any(one["at"] >= told for one in run.observations.of("audio_begun", since))


def _interruptible(options: dict[str, str]) -> bool:
    """`options` are strings of dictionaries (voice/remote_session.py)."""
    try:
        return bool(ast.literal_eval(options.get("interruption", "{}")).get("enabled", True))
    except (ValueError, SyntaxError):  # NOT_GIVEN and the like inside
        return "'enabled': False" not in options["interruption"]


def _history(run: _Run) -> Row:
    """What the agent remembers must be what was said."""
    items = run.call.ask("history", Clock(_ANSWERS_IN))["items"]
    kinds = [item["kind"] for item in items]
    users = [item for item in items if item["kind"] == "message" and item.get("role") == "USER"]
    if not users:
        return Row(STAGE, "history", Status.FAILED, "the chat history has nothing of what was said to it")
    calls = kinds.count("function_call")
    detail = f"{kinds.count('message')} messages, {calls} tool call{'s' * (calls != 1)}"
    if calls != kinds.count("function_call_output"):
        return Row(STAGE, "history", Status.FAILED, f"{detail}, {kinds.count('function_call_output')} answers of tools")
    return Row(STAGE, "history", Status.OK, detail)


def _end(run: _Run) -> Row:
    run.context.tell("the agent to hang up")
    begun = time.monotonic()
    run.call.hang_up()
    clock = Clock(_ENDS_IN)
    while run.call.agent.poll() is None and clock.left():
        time.sleep(0.05)
    seconds = time.monotonic() - begun
    if run.call.agent.poll() is None:
        return Row(STAGE, "hang up", Status.FAILED, f"still there {seconds:.0f} s after SIGTERM", seconds=seconds)
    return Row(STAGE, "hang up", Status.OK, "it ends", seconds=seconds)
