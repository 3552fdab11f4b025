"""The three legacy apps, converted once by the real command line: what the end-to-end tests share."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from lk_migrate.model import ExitCode, LedgerEntry, Plan

LEGACY = Path(__file__).resolve().parent.parent.parent / "fixtures" / "legacy"
TALK = Path(__file__).parent / "talk.py"

#: app → the folder where its agents are, as a person names it
APPS = {"clinic": "services", "switchboard": "assistants", "mixins": "agents"}
#: Loops by hand: the whole program is named.
BY_HAND = ("hotline", "voicebot")
#: app → its agents, as talk.py names them
AGENTS = {
    "clinic": ("Assistant", "RAGAssistant"),
    "switchboard": ("day", "night"),
    "mixins": ("hotel", "housekeeping", "restaurant", "spa"),
}
ALL_AGENTS = [(app, agent) for app, agents in AGENTS.items() for agent in agents]

Tree = dict[str, tuple[bytes, int]]


@dataclass(frozen=True)
class Conversion:
    """One app before and after. `legacy` and `folder` are copies; nobody writes to them again."""

    app: str
    legacy: Path
    folder: Path
    exit_code: int
    report: dict[str, Any]
    messages: str

    @cached_property
    def plan(self) -> Plan:
        """The same conversion as a value (the command line's JSON has no ledger)."""
        from lk_migrate.read import read_project

        return read_project(self.legacy, [self.legacy / APPS[self.app]]).plan()

    @property
    def support(self) -> tuple[str, ...]:
        """The modules that took what left the main module."""
        main = self.report["main"] or {"support": []}
        return tuple(path.removesuffix(".py").replace("/", ".") for path in main["support"])

    @property
    def before(self) -> Tree:
        return tree(self.legacy)

    @property
    def after(self) -> Tree:
        return tree(self.folder)

    @property
    def changed(self) -> set[str]:
        """Python files of the legacy app that are not what they were."""
        after = self.after
        return {p for p, (data, _) in self.before.items() if p.endswith(".py") and after.get(p, (b"", 0))[0] != data}

    def ledger_of(self, path: str) -> list[LedgerEntry]:
        return [e for e in self.plan.ledger if e.place.path == path]


def tree(folder: Path) -> Tree:
    """Every file below `folder` with its bytes and mode, lk-migrate's own folder left out."""
    return {
        p.relative_to(folder).as_posix(): (p.read_bytes(), p.stat().st_mode)
        for p in sorted(folder.rglob("*"))
        if p.is_file() and ".lk-migrate" not in p.parts and "__pycache__" not in p.parts
    }


def lk_migrate(*arguments: str | Path, cwd: Path, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """The real command line."""
    return subprocess.run(
        [sys.executable, "-m", "lk_migrate", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=timeout,
        check=False,
    )


def convert(app: str, folder: Path) -> Conversion:
    """Copy `app` to `folder` twice and convert one of the copies."""
    legacy, target = folder / "legacy" / app, folder / app
    litter = shutil.ignore_patterns("__pycache__", "*.pyc", "*.db")
    shutil.copytree(LEGACY / app, legacy, ignore=litter)
    shutil.copytree(LEGACY / app, target, ignore=litter)
    for main in (legacy / "main.py", target / "main.py"):
        main.chmod(0o755)  # people run it by its name; git need not know
    done = lk_migrate("convert", APPS.get(app, "."), "--json", cwd=target)
    assert done.returncode in (ExitCode.DONE, ExitCode.LEFTOVERS), done.stderr
    return Conversion(app, legacy, target, done.returncode, json.loads(done.stdout), done.stderr)


def clean_environment(**more: str) -> dict[str, str]:
    """Ours without what the apps look at."""
    theirs = ("LIVEKIT_", "OPENAI_", "CLINIC_", "SWITCHBOARD_", "CONCIERGE_", "CALENDAR_", "LK_")
    ours = {k: v for k, v in os.environ.items() if not k.startswith(theirs)}
    return {**ours, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", **more}


def answers(command: Sequence[str], folder: Path, jobs: Sequence[Any], **environment: str) -> list[dict[str, Any]]:
    """Run a Python program in a copy of an app (it may write files); one line of JSON in, one out, for each job."""
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [sys.executable, *command],
            input="".join(json.dumps(job) + "\n" for job in jobs),
            cwd=shutil.copytree(folder, Path(scratch) / folder.name),
            env=clean_environment(CLINIC_NOW="2025-03-10T09:00", OPENAI_API_KEY="none", **environment),
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=600,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert len(found) == len(jobs), done.stdout + done.stderr
    return found


def talk(app: str, folder: Path, support: tuple[str, ...], jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have the agents of an app do `jobs` (see talk.py); one answer for each."""
    return answers([str(TALK), app, *support], folder, jobs, SWITCHBOARD_FORCE="open", PARKING_API_URL="")


#: What the fixtures of conftest.py hand out.
Converted = Callable[[str], Conversion]
Answers = dict[str, list[dict[str, Any]]]
Talked = Callable[[str], tuple[Answers, Answers]]
