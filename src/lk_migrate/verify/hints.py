"""What a person can do about an error, as the end of a sentence; "" where nothing is known."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from lk_migrate import TARGET
from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.observations import Observation, Observations, place_of

_PYAV = "pip install --force-reinstall --only-binary :all: 'av>=14'"


def for_start(failure: Observation, observations: Observations, context: Context) -> str:
    """What to do about what kept the first session from coming."""
    error = failure["error"]
    told = for_import(error, context) or for_mock(error) or for_metadata(context, place_of(failure))
    return told or for_network(observations)


def for_import(error: str, context: Context) -> str:
    """What to do about a failed import: of a module of the project's own, of a plugin, of a package."""
    missing = re.search(r"No module named '(\w+)", error)
    name = missing.group(1) if missing else ""
    own = sorted(file for file in context.files if f"/{name}.py" in f"/{file}" or f"/{name}/" in f"/{file}")
    if not name or not own or context.main is None:
        return for_plugin(error)
    folder = Path(context.main).parent.as_posix()
    if f"{folder}/__init__.py" in context.files and Path(own[0]).parent.as_posix() == folder:
        module = context.main.removesuffix(".py").replace("/", ".")
        return (
            f"; it is your own {own[0]}, but `lk agent console` imports {context.main} as `{module}`, because there is "
            f"a {folder}/__init__.py, and does not look beside it: delete that file, or import `{folder}.{name}`"
        )
    return f"; it is your own {own[0]}, which Python does not find from here: import it by its path from the root"


def for_plugin(error: str) -> str:
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


def for_mock(error: str) -> str:
    """What to do about an error that comes of the console's room; "" for any other."""
    if "Mock" not in error:
        return ""
    return "; the console's room and participant are mocks, whose name, metadata and attributes are no text: " + (
        "ask `ctx.is_fake_job()` before using them"
    )


def for_network(observations: Observations) -> str:
    """That it tried to reach another machine before, which may be why; "" when it did not."""
    tried = dict.fromkeys(str(one["host"]) for one in observations.of("refused"))
    return f"; it tried to reach {', '.join(tried)}, which is refused here: `--live` allows it" if tried else ""


def for_metadata(context: Context, place: Place | None) -> str:
    """What to do about an error in a line that reads a job's metadata; "" when the line does something else."""
    if place is None:
        return ""
    lines = (context.workspace / place.path).read_text("utf-8", "replace").splitlines()
    if "metadata" not in "".join(lines[place.line - 1 : place.line]):
        return ""
    return (
        "; a job that nobody dispatched with metadata has an empty string there, as in the console: allow for it, "
        'as in `json.loads(ctx.job.metadata or "{}")`'
    )


def unmocked(text: str) -> str:
    """A text for a person: `<MagicMock name='mock.name' id='…'>` is what a console has for a participant's name."""
    return re.sub(r"<\w*Mock(?: name='(?:mock\.)?([\w.()]*)')?[^>]*>", r"‹mock \1›", text)
