"""Rows from what was seen on the side: deprecated API, refused connections, exchanged models."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path

from lk_migrate import TARGET
from lk_migrate.model import Place
from lk_migrate.verify.context import Context, slowness
from lk_migrate.verify.observations import Observation, Observations, place_of
from lk_migrate.verify.rows import Row, Status
from lk_migrate.verify.terminal import telling_lines

#: Where `sounddevice` needs the system's PortAudio. (Its wheels for macOS and Windows bring their own.)
PORTAUDIO_HINT = (
    "to talk to it aloud, install PortAudio: `apt install libportaudio2` (Debian, Ubuntu), "
    "`dnf install portaudio` (Fedora), `brew install portaudio` (macOS); typing works without"
)
_PYAV = "pip install --force-reinstall --only-binary :all: 'av>=14'"
#: The names of rows made here.
SIDE_NAMES = frozenset({"deprecated API", "exchanged", "network", "files", "PortAudio", "event loop", "port in use"})
_BLOCKS = 0.3  # seconds of a blocked event loop that people hear, on a machine that does nothing else
_ERROR_LINE = re.compile(r"^(?:[A-Za-z_][\w.]*\.)?([A-Z]\w*(?:Error|Exception|Exit|Interrupt|Warning|Found)): (.*)$")
_FRAME = re.compile(r"""(?:File "([^"]+)", line (\d+)|^([^\s:"]+\.py):(\d+) in )""")


def on_the_side(stage: str, observations: Observations) -> Iterator[Row]:
    """One row for each different thing observed."""
    for one in _different(observations.of("deprecated"), "message", "path", "line"):
        yield Row(stage, "deprecated API", Status.FAILED, one["message"], place_of(one))
    for one in _different(observations.of("exchanged"), "role", "model"):
        detail = f"{one['model']} was exchanged for the stand-in {one['role']}"
        yield Row(stage, "exchanged", Status.OK, detail)
    for one in _different(observations.of("refused"), "host", "port"):
        detail = f"the app tried to reach {one['host']}:{one['port']}; only this machine is allowed"
        yield Row(stage, "network", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("wrote_outside"), "path_written"):
        detail = f"the app writes {one['path_written']}, outside its folder: that is yours, and was written"
        yield Row(stage, "files", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("blocked"), "path", "line"):
        if one["seconds"] >= _BLOCKS * slowness():
            detail = (
                f"nothing else ran for {one['seconds']:.1f} s, sound included: make it asynchronous, or give it a "
                f"thread with `await asyncio.to_thread(…)`"
            )
            yield Row(stage, "event loop", Status.SKIPPED, detail, place_of(one))
    for one in _different(observations.of("port_in_use"), "port"):
        yield Row(stage, "port in use", Status.SKIPPED, _port_hint(one["port"]), place_of(one))
    if observations.of("portaudio_missing"):
        yield Row(stage, "PortAudio", Status.SKIPPED, PORTAUDIO_HINT)


def _port_hint(port: int) -> str:
    return (
        f"port {port}, where `start` answers health checks, is taken on this machine: end what has it "
        f"(`lsof -i :{port}`), or give AgentServer(port=…) another; verified on a free one"
    )


def _different(observations: list[Observation], *keys: str) -> list[Observation]:
    return list({tuple(one.get(key) for key in keys): one for one in observations}.values())


def crash(output: str, context: Context) -> tuple[str, Place | None]:
    """An exception's last line in a program's output, and the innermost place in the project."""
    lines = telling_lines(output)
    error = next((line for line in reversed(lines) if _ERROR_LINE.match(line)), None)
    detail = error or (lines[-1] if lines else "it said nothing")
    place: Place | None = None
    for line in lines:
        found = _FRAME.search(line)
        if found:
            inside = _inside(found.group(1) or found.group(3), context.workspace)
            if inside is not None:
                number = int(found.group(2) or found.group(4))
                place = Place(inside, number, number)
    return detail + plugin_hint(detail), place


def start_failure(observations: Observations, context: Context, since: int = 0) -> tuple[str, Place | None] | None:
    """What kept the first session from coming, and where in the project, if the framework has told."""
    for one in observations.refresh()[since:]:
        place = place_of(one)
        if one["event"] == "prewarm_failed":
            return f"prewarming fails, so no call is answered: {one['error']}{plugin_hint(one['error'])}", place
        if one["event"] == "job_failed":
            hint = plugin_hint(one["error"]) or mock_hint(one["error"]) or metadata_hint(context, place)
            return f"the entrypoint fails: {one['error']}{hint}", place
    return None


def _inside(path: str, workspace: Path) -> str | None:
    try:
        inside = (workspace / path).resolve().relative_to(workspace)
    except ValueError:
        return None
    return inside.as_posix()


def plugin_hint(error: str) -> str:
    """How to install the plugin or package whose import failed; "" when the error is about something else."""
    found = re.search(r"No module named 'livekit\.plugins\.(\w+)'", error) or re.search(
        r"cannot import name '(\w+)' from 'livekit\.plugins'", error
    )
    if not found:
        if re.search(r"\blib(av|sw)\w+\.|No module named 'av'|\bav/_core", error):
            return f"; PyAV, which the framework decodes audio with, is broken or gone: {_PYAV}"
        missing = re.search(r"No module named '([\w.]+)'", error)
        if missing and not missing.group(1).startswith("livekit"):
            return f"; install what has `{missing.group(1).split('.')[0]}`, or name your environment with --python"
        return ""
    name = found.group(1).replace("_", "-")
    extras = importlib.metadata.metadata("livekit-agents").get_all("Provides-Extra") or []
    package = f"'livekit-agents[{name}]~={TARGET}'" if name in extras else f"livekit-plugins-{name}"
    return f"; install it with: pip install {package}"


def mock_hint(error: str) -> str:
    """What to do about an error that comes of the console's room; "" for any other."""
    if "Mock" not in error:
        return ""
    return "; the console's room and participant are mocks, whose name, metadata and attributes are no text: " + (
        "ask `ctx.is_fake_job()` before using them"
    )


def unmocked(text: str) -> str:
    """A text for a person: `<MagicMock name='mock.name' id='…'>` is what a console has for a participant's name."""
    return re.sub(r"<\w*Mock(?: name='(?:mock\.)?([\w.()]*)')?[^>]*>", r"‹mock \1›", text)


def metadata_hint(context: Context, place: Place | None) -> str:
    """What to do about an error in a line that reads a job's metadata; "" when the line does something else."""
    if place is None:
        return ""
    lines = (context.workspace / place.path).read_text("utf-8", "replace").splitlines()
    if "metadata" not in "".join(lines[place.line - 1 : place.line]):
        return ""
    return "; a job that nobody dispatched with metadata has an empty string there, as in the console: allow for it"
