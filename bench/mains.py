"""Asks for a new main.py for every long worker of public projects, which bench/field.py never does: what is lost?

    python bench/mains.py --corpus corpus.tsv --checkouts DIR [--only PART]

Corpus and checkouts are those of bench/field.py. A worker is compared with its conversion in one piece
(`--no-main`): every function and class must be somewhere in the new modules, once, with as many statements or more (the
entrypoint and the functions around its own ones excepted: their statements go to several places); no name may be
undefined that was not, and a second run has nothing to do. Ends with exit code 1 where one of these does not hold, or a
plan raises.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from field import applied, git_dir, project_files, projects, undefined_names

from lk_migrate.facts.entrypoint import find_entrypoint
from lk_migrate.facts.project import Project
from lk_migrate.plan import ConvertOptions, make_plan

#: Lines from which on a worker is long.
LONG = 150


def workers(files: Mapping[str, bytes]) -> Iterator[str]:
    """The long modules that start a worker."""
    for path, data in files.items():
        starts = b"run_app" in data and any(w in data for w in (b"WorkerOptions", b"AgentServer", b"rtc_session"))
        if path.endswith(".py") and starts and data.count(b"\n") > LONG and is_readable(data):
            yield path


def is_readable(data: bytes) -> bool:
    """Whether ruff (UTF-8 only) and this Python can read a file."""
    try:
        ast.parse(data.decode())
    except (UnicodeDecodeError, SyntaxError):
        return False
    return True


def definitions(texts: Iterable[bytes]) -> dict[str, list[int]]:
    """Name of each function and class → the statements in each definition of that name."""
    found: dict[str, list[int]] = defaultdict(list)
    for text in texts:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                inside = (n for n in ast.walk(node) if isinstance(n, ast.stmt))
                found[node.name].append(sum(not isinstance(n, _BOUND) for n in inside))
    return found


#: What a name of a call becomes an attribute of its state without.
_BOUND = (ast.Nonlocal, ast.Global)


def taken_apart(text: bytes, entrypoint: str) -> set[str]:
    """The entrypoint, and each function in it that has functions of its own."""
    functions = [n for n in ast.walk(ast.parse(text)) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return {f.name for f in functions if f.name == entrypoint or any(n is not f for n in ast.walk(f) if n in functions)}


def lost(before: Mapping[str, list[int]], after: Mapping[str, list[int]], apart: set[str]) -> Iterator[str]:
    """What is not there any more, is there twice, or does less, unless it is among those that are taken `apart`."""
    for name, sizes in before.items():
        now = after.get(name, [])
        if not now:
            yield f"`{name}` is gone"
        elif len(now) > len(sizes):
            yield f"`{name}` is there {len(now)} times"
        elif name not in apart and len(now) == len(sizes) == 1 and now < sizes:
            yield f"`{name}` has {now[0]} statements of {sizes[0]}"


def complaints(files: dict[str, bytes], main: str) -> list[str] | None:
    """What is wrong with the new main module; None where none is made."""
    plan = make_plan(files, ConvertOptions(main=main))
    if plan.main is None:
        return None
    whole, new = applied(files, make_plan(files, ConvertOptions(no_main=True))), applied(files, plan)
    made = [main, *(c.path for c in plan.changes if c.before is None and c.path.endswith(".py"))]
    project = Project(whole)
    module = project.module(main)
    entry = find_entrypoint(project, module) if module is not None else None
    apart = taken_apart(whole[main], entry.function.name.value if entry is not None else "")
    found = list(lost(definitions([whole[main]]), definitions(new[path] for path in made), apart))
    known = {message for messages in undefined_names(whole).values() for message in messages}
    undefined = ((path, m) for path, messages in undefined_names(new).items() for m in messages if m not in known)
    found += [f"{path}: {message}" for path, message in undefined]
    return found + [f"{change.path} changes again" for change in make_plan(new, ConvertOptions()).changes]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--only", default="", help="a part of a repository's name")
    options = parser.parse_args()
    seen, made, bad = set[tuple[str, bytes]](), 0, 0
    for repo, commit, _, paths in projects(options.corpus, "ABC"):
        folder = git_dir(options.checkouts, repo) if options.only in repo else None
        files = project_files(folder, commit, paths) if folder is not None else {}
        for path in workers(files):
            if (path, files[path]) in seen:
                continue
            seen.add((path, files[path]))
            try:
                found = complaints(files, path)
            except Exception as error:
                found = [f"{type(error).__name__}: {error}"]
            if found is None:
                continue
            made += 1
            bad += bool(found)
            print(f"{repo} {commit[:10]} {path}: {'; '.join(found) or 'ok'}", flush=True)
    print(f"{made} new main modules for {len(seen)} long workers, {bad} of them with something lost")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
