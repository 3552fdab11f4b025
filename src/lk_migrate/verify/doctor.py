"""Known failures that can be seen in the files, each with its place and how to mend it. Nothing is run."""

from __future__ import annotations

import ast
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from lk_migrate import TARGET
from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.interpreter import Interpreter
from lk_migrate.verify.needs import parse
from lk_migrate.verify.rows import Row, Status

STAGE = "static"
OLDEST = (3, 10)  # livekit-agents 1.8: requires-python >=3.10

#: What a model's name begins with → the plugins that have it. Names as in the plugins' models.py (1.8); a name that is
#: not here is not judged.
_VENDORS: dict[str, tuple[tuple[str, frozenset[str]], ...]] = {
    "STT": (
        (r"nova-|flux-", frozenset({"deepgram"})),
        (r"whisper-1$|gpt-4o(-mini)?-transcribe|gpt-transcribe", frozenset({"openai", "azure"})),
        (r"whisper-large|distil-whisper", frozenset({"groq", "fal", "baseten"})),
        (r"scribe_", frozenset({"elevenlabs"})),
        (r"ink-", frozenset({"cartesia"})),
        (r"chirp", frozenset({"google"})),
    ),
    "LLM": (
        (r"gpt-\d|o[134](-mini)?$|chatgpt-", frozenset({"openai", "azure"})),
        (r"claude-", frozenset({"anthropic", "aws"})),
        (r"gemini-", frozenset({"google"})),
        (r"grok-", frozenset({"xai"})),
    ),
    "TTS": (
        (r"tts-1|gpt-4o-mini-tts", frozenset({"openai", "azure"})),
        (r"eleven_", frozenset({"elevenlabs"})),
        (r"sonic-?", frozenset({"cartesia"})),
        (r"aura-", frozenset({"deepgram"})),
    ),
}

_FFMPEG = "`apt install ffmpeg` (Debian, Ubuntu), `dnf install ffmpeg-free` (Fedora), `brew install ffmpeg` (macOS)"
#: Programs that voice agents start → how they are installed.
_PROGRAMS = {"ffmpeg": _FFMPEG, "ffprobe": _FFMPEG, "sox": "`apt install sox`, `brew install sox`"}


def too_old(python: Interpreter) -> Row | None:
    """A row when this Python cannot run the target at all."""
    version = tuple(int(part) for part in re.findall(r"\d+", python.version)[:2])
    if version >= OLDEST:
        return None
    oldest = ".".join(map(str, OLDEST))
    detail = (
        f"Python {python.version} ({python.origin}) is too old: livekit-agents {TARGET} needs {oldest} to 3.14; "
        f"make a new environment, for example with: python3.12 -m venv .venv"
    )
    return Row(STAGE, "python", Status.FAILED, detail)


def examine(context: Context) -> Iterator[Row]:
    """All that is found."""
    yield from _shadowing(context)
    yield from _programs(context)
    for file in context.files:
        yield from _wrong_models(context.workspace / file, file)


def _shadowing(context: Context) -> Iterator[Row]:
    """A folder or file of the project that Python imports in place of the package."""
    folders = {"", Path(context.main or "").parent.as_posix()}
    for folder in sorted(folders):
        for name in ("livekit/__init__.py", "livekit.py", "livekit/agents.py", "livekit/agents/__init__.py"):
            path = (Path(folder) / name).as_posix()
            if path in context.files:
                detail = f"{path} hides the package livekit: Python looks in the project first; give it another name"
                yield Row(STAGE, "shadowed livekit", Status.FAILED, detail, Place(path, 1, 1))
                return


def _programs(context: Context) -> Iterator[Row]:
    """Programs that the app starts and this machine does not have."""
    for file in context.app_files:
        tree = parse(context.workspace / file)
        for program, line in _started(tree) if tree is not None else ():
            if shutil.which(program) is None:
                detail = f"the app runs `{program}`, which is not installed here: {_PROGRAMS[program]}"
                yield Row(STAGE, program, Status.SKIPPED, detail, Place(file, line, line))
                return


def _started(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Programs of ours that code starts, with the line: `run(["ffmpeg", …])`, `exec("ffmpeg", …)`, `import pydub`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args:
            first = node.args[0]
            first = first.elts[0] if isinstance(first, (ast.List, ast.Tuple)) and first.elts else first
            word = str(first.value).split(" ")[0] if isinstance(first, ast.Constant) else ""
            if word in _PROGRAMS and _starts(node.func):
                yield word, node.lineno
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            if any(name.split(".")[0] == "pydub" for name in names):
                yield "ffmpeg", node.lineno


def _starts(function: ast.expr) -> bool:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return name in ("run", "Popen", "call", "check_call", "check_output", "system", "popen") or "exec" in name


def _wrong_models(file: Path, name: str) -> Iterator[Row]:
    tree = parse(file)
    if tree is None:
        return
    plugins = dict(_plugin_names(tree))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        owner, role = node.func.value, node.func.attr
        plugin = plugins.get(owner.id) if isinstance(owner, ast.Name) else None
        given = {keyword.arg: keyword.value for keyword in node.keywords}
        model = given.get("model")
        if plugin is None or "base_url" in given or not isinstance(model, ast.Constant):
            continue
        owners = _owners(role, model.value)
        if owners and plugin not in owners:
            theirs = " or ".join(f"{one}.{role}" for one in sorted(owners))
            given_model = f"{plugin}.{role}(model={str(model.value)!r})"
            detail = f"{given_model}: that is a model of {theirs}, and {plugin} has none of that name"
            yield Row(STAGE, "model", Status.FAILED, detail, Place(name, node.lineno, node.lineno))


def _owners(role: str, model: object) -> frozenset[str]:
    for pattern, owners in _VENDORS.get(role, ()):
        if isinstance(model, str) and re.match(pattern, model):
            return owners
    return frozenset()


def _plugin_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """Local name → plugin, for `from livekit.plugins import openai` and `… import deepgram as dg`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "livekit.plugins":
            for alias in node.names:
                yield alias.asname or alias.name, alias.name
