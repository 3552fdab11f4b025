"""Converted v1 fixtures are run on the installed LiveKit: they import, build what they build, and nothing warns.

As a control, the same fixtures before the conversion do warn (or do not run at all).
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
RUNNER = Path(__file__).parent / "run_converted.py"
#: Warn (or fail) when they are used as they were written, so the runner must notice.
CONTROLS = {
    "LK301/lines": "turn_handling",
    "LK303/delays": "endpointing_opts",
    "LK304/same_function": "turn_handling",
    "LK305/start": "RoomOptions",
    "LK305/constant": "DEFAULT_ROOM_INPUT_OPTIONS",
    "LK310/usage": "metrics_collected",
    "LK312/terms": "stt_context_options",
    "LK313/context": "AsyncRunContext",
}


def cases(end: str) -> dict[str, Path]:
    """Name → file or folder. Files with a marker wait for a person, and are not run."""
    found: dict[str, Path] = {}
    for rule in sorted(FIXTURES.glob("LK3*")):
        for path in sorted(rule.iterdir()):
            if path.is_dir() and is_changed(path):
                found[f"{rule.name}/{path.name}"] = path / end
            elif path.name.endswith(f".{end}.py"):
                found[f"{rule.name}/{path.name.removesuffix(f'.{end}.py')}"] = path
    return found


def is_changed(case: Path) -> bool:
    """Folders that come out as they went in are about what is left alone; there is nothing new to run."""
    return any(
        file.read_bytes() != (case / "after" / file.relative_to(case / "before")).read_bytes()
        for file in (case / "before").rglob("*.py")
    )


def has_marker(path: Path) -> bool:
    files = path.rglob("*.py") if path.is_dir() else [path]
    return any("TODO(lk-migrate" in file.read_text(encoding="utf-8") for file in files)


#: What some fixtures import and no test environment needs otherwise.
OPTIONAL = {" mcp": "mcp", "plugins.turn_detector": "livekit.plugins.turn_detector"}


def needs_more(path: Path) -> bool:
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    return any(word in text and importlib.util.find_spec(name) is None for word, name in OPTIONAL.items())


READY = {name: path for name, path in cases("after").items() if not has_marker(path) and not needs_more(path)}


def run(paths: dict[str, Path], folder: Path) -> dict[str, dict[str, Any]]:
    """One child process for all: importing LiveKit takes longer than all the fixtures together."""
    places: dict[str, str] = {}
    for name, path in paths.items():
        place = folder / name.replace("/", "_")
        place.mkdir()
        for file in path.rglob("*.py") if path.is_dir() else [path]:
            target = place / (file.relative_to(path).as_posix() if path.is_dir() else "main.py")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(file.read_bytes())
        for missing in ("calls",):
            stub = "async def entrypoint(ctx):\n    await ctx.connect()\n\n\ndef prewarm(proc):\n    pass\n"
            (place / f"{missing}.py").write_text(stub)
        places[str(place)] = name
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LIVEKIT")} | {"OPENAI_API_KEY": "none"}
    environment |= {"LIVEKIT_API_KEY": "none", "LIVEKIT_API_SECRET": "none", "LIVEKIT_URL": "ws://127.0.0.1:1"}
    done = subprocess.run(
        [sys.executable, str(RUNNER), *places], capture_output=True, text=True, timeout=240, env=environment, cwd=folder
    )
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(lines) == len(places), done.stderr[-2000:]
    return {places[line["folder"]]: line for line in lines}


@pytest.fixture(scope="module")
def after(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return run(READY, tmp_path_factory.mktemp("after"))


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    return run({n: p for n, p in cases("before").items() if n in CONTROLS}, tmp_path_factory.mktemp("before"))


@pytest.mark.parametrize("name", READY)
def test_runs_without_a_deprecation(name: str, after: dict[str, dict[str, Any]]) -> None:
    result = after[name]
    assert not result["error"]
    assert not result["warned"]


@pytest.mark.parametrize("name", CONTROLS)
def test_the_old_code_warned(name: str, before: dict[str, dict[str, Any]]) -> None:
    result = before[name]
    assert any(CONTROLS[name] in message for message in (*result["warned"], result["error"])), result
