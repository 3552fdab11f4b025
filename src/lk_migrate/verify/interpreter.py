"""Which Python runs the person's code, and what is installed there.

Asked of that Python itself, never imported.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from lk_migrate import TARGET
from lk_migrate.model import UserError

_PROBE = """
import importlib.machinery, importlib.metadata, importlib.util, json, sys
from pathlib import Path
try:
    agents = importlib.metadata.version("livekit-agents")
except importlib.metadata.PackageNotFoundError:
    agents = ""
plugins = {}
try:
    spec = importlib.util.find_spec("livekit.plugins")
except ImportError:
    spec = None
if spec is not None:
    import pkgutil
    for module in pkgutil.iter_modules(spec.submodule_search_locations):
        plugins[module.name] = str(module.module_finder.path) + "/" + module.name
agents_init = importlib.machinery.PathFinder.find_spec("livekit.agents", spec and [
    str(Path(folder).parent) for folder in spec.submodule_search_locations]) if spec else None
compiled = bool(agents_init and agents_init.cached and Path(agents_init.cached).exists())
print(json.dumps({
    "version": sys.version.split()[0], "agents": agents, "plugins": plugins, "compiled": compiled,
}))
"""
_PROBE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Interpreter:
    """A Python.

    `agents` is its livekit-agents version, "" when not installed; `plugins` maps names to folders. `compiled`:
    livekit-agents has its bytecode beside it (pip writes it, uv does not).
    """

    path: str
    version: str
    agents: str
    origin: str
    plugins: dict[str, str] = field(default_factory=dict)
    compiled: bool = True


def probe(path: str, origin: str) -> Interpreter:
    """Ask a Python what it has. Raises UserError when it does not run."""
    try:
        # -P/-I would hide the site-packages of user installs; an empty folder as cwd keeps the project out
        # of sys.path.
        done = subprocess.run(
            [path, "-c", _PROBE],
            capture_output=True,
            text=True,
            timeout=_PROBE_SECONDS,
            cwd=Path(path).parent,
        )
        found = json.loads(done.stdout)
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise UserError(f"--python {path}: this Python does not run ({error}); name another one.") from error
    return Interpreter(path, found["version"], found["agents"], origin, found["plugins"], found["compiled"])


def _venv_python(venv: Path) -> Path | None:
    for relative in ("bin/python", "Scripts/python.exe"):
        if (venv / relative).exists():
            return venv / relative
    return None


def _has_target(venv: Path) -> bool:
    """Whether livekit-agents of the target line is installed in a venv, by its metadata folder."""
    patterns = ("lib/python*/site-packages", "Lib/site-packages")
    return any(True for pattern in patterns for _ in venv.glob(f"{pattern}/livekit_agents-{TARGET}.*.dist-info"))


def _venvs(root: Path) -> Iterator[tuple[Path, str]]:
    for name in (".venv", "venv", "env"):
        yield root / name, f"the project's {name}"
    active = os.environ.get("VIRTUAL_ENV")
    if active:
        yield Path(active), "the active environment"


def choose(root: Path, wanted: str | None) -> Interpreter:
    """The Python to verify with: `wanted`, else a venv of the project with the target's livekit-agents,
    else ours.

    Raises UserError when `wanted` does not exist or does not run."""
    if wanted is not None:
        path = Path(wanted).expanduser()
        path = _venv_python(path) or path
        if not path.exists():
            raise UserError(f"--python {wanted}: there is no such file; name a Python or a virtual environment.")
        return probe(str(path.absolute()), "--python")
    for venv, origin in _venvs(root):
        python = _venv_python(venv)
        if python is not None and _has_target(venv):
            return probe(str(python.absolute()), origin)
    return probe(sys.executable, "lk-migrate's own environment")
