"""`python -m lk_migrate_child.static`: read, import and build the project's agents and tools without
running them.

Reads a JSON object from standard input: `files` (Python files relative to the current folder), `app` (those of them
that belong to the running app) and `main` (one of these, or null). Every result is an observation `row`; `begin` says
what is being done, for the case of a hang.
"""

from __future__ import annotations

import ast
import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from lk_migrate_child import build, loading
from lk_migrate_child.events import emit


def _row(name: str, status: str, detail: str, place: dict[str, Any] | None = None, seconds: float = 0.0) -> None:
    emit("row", name=name, status=status, detail=detail, seconds=seconds, **(place or {}))


def _parse(files: list[str], main: str | None) -> dict[str, ast.Module]:
    emit("begin", what="the files to parse")
    begun = time.monotonic()
    trees: dict[str, ast.Module] = {}
    broken: dict[str, Exception] = {}
    for file in files:
        try:
            trees[file] = ast.parse(Path(file).read_bytes(), file)
        except (SyntaxError, ValueError, OSError) as error:
            broken[file] = error
    run = loading.reached({**trees, **{file: ast.Module([], []) for file in broken}}, main)
    for file, problem in broken.items():
        place = {"path": file, "line": getattr(problem, "lineno", None) or 1}
        if file in run:
            _row("parses", "failed", f"{file}: {problem}", place)
        else:
            _row("parses", "skipped", f"{file}: {problem}; {main} does not import it", place)
    if len(trees) == len(files):
        _row("parses", "ok", f"{len(files)} Python file{'s' * (len(files) != 1)}", seconds=time.monotonic() - begun)
    return trees


def _imports(trees: dict[str, ast.Module], main: str | None) -> None:
    begun = time.monotonic()
    problems: list[loading.Problem] = []
    for module in loading.to_import(trees, main):
        emit("begin", what=f"the import of {module.file}")
        failure = module.load()
        if failure is not None:
            problems.append(failure)
    emit("begin", what="the imports to resolve")
    places = [problem.place for problem in problems]
    problems += [problem for problem in loading.unresolved(trees) if problem.place not in places]
    run = loading.reached(trees, main)
    emit("reached", files=sorted(run))
    for same in _by_module(problems):
        first = min(same, key=lambda problem: problem.place.get("path") not in run)
        others = len({problem.place.get("path") for problem in same}) - 1
        detail = first.detail + (f", and in {others} more file{'s' * (others != 1)}" if others else "")
        if first.place.get("path") in run:
            _row("imports", "failed", detail, first.place)
        else:
            _row("imports", "skipped", f"{detail}; {main} does not import it", first.place)
    if not problems:
        _row("imports", "ok", "every import resolves", seconds=time.monotonic() - begun)


def _by_module(problems: list[loading.Problem]) -> list[list[loading.Problem]]:
    """Problems that one installation would end are together; the others are alone."""
    groups: dict[str, list[loading.Problem]] = {}
    for number, problem in enumerate(problems):
        groups.setdefault(problem.missing or f" {number}", []).append(problem)
    return list(groups.values())


async def _build() -> None:
    for agent in build.agent_classes():
        emit("begin", what=f"the agent {agent.__name__}")
        begun = time.monotonic()
        for result in build.check_agent(agent):
            name, status, detail, place = result
            _row(name, status, detail, place, time.monotonic() - begun)
    for result in build.check_loose_tools():
        _row(*result)


def main() -> None:
    """Run all checks in the current folder."""
    job = json.load(sys.stdin)
    root = str(Path.cwd())
    sys.path[:] = [entry for entry in sys.path if entry not in ("", root)]
    sys.path.insert(0, root)
    entry: str | None = job["main"]
    if entry is not None:
        sys.path.insert(0, str((Path(root) / entry).parent))
        sys.argv = [entry]
    trees = _parse(job["files"], entry)
    if entry is None:  # nobody says from where the program is run
        sys.path.extend(str(Path(root) / folder) for folder in loading.folders_of_scripts(trees))
    _imports({file: trees[file] for file in job["app"] if file in trees}, entry)
    if "livekit.agents" in sys.modules:
        asyncio.run(_build())
    emit("done")
    sys.stdout.flush()
    os._exit(0)  # threads that the app's modules started must not keep us


if __name__ == "__main__":
    main()
