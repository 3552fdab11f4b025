"""Tries the tool on public projects, and says per project what happened: docs/field-results.md is its output.

    python bench/field.py --corpus corpus.tsv --checkouts DIR [--class A] [--markdown]

`corpus.tsv`: columns repo, commit, class, path, … ; DIR holds a git directory or checkout per repository, named
`owner+name` (with `repo` below it, bare) or `owner/name`. Nothing is written into them: every file is read from git.
"""

from __future__ import annotations

import argparse
import ast
import csv
import hashlib
import json
import subprocess
import sys
import tempfile
import time
import traceback
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from legacy_api import unmarked, uses

from lk_migrate.model import Plan
from lk_migrate.plan import ConvertOptions, make_plan

#: Beyond this many Python files a repository is a monorepo: only the folders of the listed files are taken.
MONOREPO = 400


@dataclass
class Result:
    """One project (repository at a commit): counts, and what went wrong in words.

    `clean`: the listed files that import livekit and have no old use, with the hash of their bytes; `clean_changed`:
    those of them that come out otherwise.
    """

    repo: str
    commit: str
    kind: str
    files: int = 0
    changed: int = 0
    created: int = 0
    todo: int = 0
    skipped: int = 0
    uses_before: int = 0
    uses_after: int = 0
    unmarked: int = 0
    clean: dict[str, str] = field(default_factory=dict)
    clean_changed: list[str] = field(default_factory=list)
    seconds: float = 0.0
    crash: str = ""
    newly_broken: list[str] = field(default_factory=list)
    new_undefined: list[str] = field(default_factory=list)
    not_idempotent: list[str] = field(default_factory=list)
    gates: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def git(folder: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", f"--git-dir={folder}", *arguments], check=True, capture_output=True).stdout


def git_dir(checkouts: Path, repo: str) -> Path | None:
    owner, name = repo.split("/")
    for candidate in (
        checkouts / f"{owner}+{name}" / "repo",
        checkouts / repo / ".git",
        checkouts / f"{owner}+{name}" / ".git",
    ):
        if candidate.exists():
            return candidate
    return None


def project_files(folder: Path, commit: str, paths: Iterable[str]) -> dict[str, bytes]:
    """The Python files and manifests of the commit that belong to the project around `paths`."""
    listing = git(folder, "ls-tree", "-r", "--name-only", "-z", commit).decode("utf-8", "surrogateescape").split("\0")
    wanted = [p for p in listing if p.endswith(".py") or p.rpartition("/")[2] in MANIFESTS or "requirements" in p]
    folders = {p.rpartition("/")[0] for p in paths}
    if sum(p.endswith(".py") for p in wanted) > MONOREPO:
        wanted = [p for p in wanted if p.rpartition("/")[0] in folders]
    return dict(zip(wanted, contents(folder, [f"{commit}:{p}" for p in wanted]), strict=True))


def contents(folder: Path, names: list[str]) -> Iterator[bytes]:
    """What git has under these names, through one process."""
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    command = ["git", f"--git-dir={folder}", "cat-file", "--batch"]
    output = subprocess.run(command, input=asked, check=True, capture_output=True).stdout
    at = 0
    for _ in names:
        header = output[at : output.index(b"\n", at)]
        size = int(header.rpartition(b" ")[2])
        at += len(header) + 1
        yield output[at : at + size]
        at += size + 1


MANIFESTS = frozenset({"pyproject.toml", "Pipfile", "setup.cfg", "Dockerfile"})


def undefined_names(files: dict[str, bytes]) -> dict[str, list[str]]:
    """ruff's F821 per file (with the name), on a temporary copy."""
    with tempfile.TemporaryDirectory() as folder:
        for path, data in files.items():
            target = Path(folder, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "--select", "F821,F822,F823"]
        run = subprocess.run([*command, "--output-format", "json", folder], capture_output=True, check=False)
        found: dict[str, list[str]] = defaultdict(list)
        for item in json.loads(run.stdout or b"[]"):
            if item["code"] in {"F821", "F822", "F823"}:
                path = str(Path(item["filename"]).resolve().relative_to(Path(folder).resolve()))
                found[path].append(item["message"])
        return found


def parses(data: bytes) -> bool:
    import libcst

    try:
        libcst.parse_module(data)
    except Exception:
        return False
    return True


def is_clean(data: bytes) -> bool:
    """Whether a file can be read by this Python, imports livekit, and has no old use."""
    try:
        tree = ast.parse(data)
    except (SyntaxError, ValueError):
        return False
    modules = [getattr(n, "module", None) or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    modules += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    return any(m.partition(".")[0] == "livekit" for m in modules) and not uses(data)


def applied(files: dict[str, bytes], plan: Plan) -> dict[str, bytes]:
    after = dict(files)
    for change in plan.changes:
        if change.after is None:
            after.pop(change.path, None)
        else:
            after[change.path] = change.after
    return after


def try_project(repo: str, commit: str, kind: str, files: dict[str, bytes], paths: list[str]) -> Result:
    result = Result(repo, commit[:10], kind, files=len(files))
    started = time.perf_counter()
    try:
        plan = make_plan(files, ConvertOptions(targets=frozenset(paths)))
    except Exception:
        result.crash = traceback.format_exc(limit=-3)
        return result
    result.seconds = round(time.perf_counter() - started, 2)
    after = applied(files, plan)
    touched = {c.path for c in plan.changes}
    result.changed = sum(c.before is not None for c in plan.changes)
    result.created = sum(c.before is None for c in plan.changes)
    result.todo = len(plan.todo)
    result.skipped = len(plan.skipped)
    result.left = [f"{f.place} {f.rule} {f.message}" for f in plan.todo] + [
        f"{s.path}: {s.reason}" for s in plan.skipped
    ]
    result.gates = [f"{a.path}:{a.name} N={a.gate}" for a in plan.agents if a.gate is not None]
    result.clean = {
        p: hashlib.sha256(files[p]).hexdigest() for p in paths if b"livekit" in files[p] and is_clean(files[p])
    }
    result.clean_changed = [p for p in result.clean if p in touched]
    result.newly_broken = [
        p for p in touched if p.endswith(".py") and p in after and not parses(after[p]) and parses(files.get(p, b""))
    ]
    old, new = undefined_names(files), undefined_names(after)
    every_old = {m for messages in old.values() for m in messages}
    for path in touched:
        fresh = [m for m in new.get(path, []) if m not in old.get(path, []) and m not in every_old]
        result.new_undefined += [f"{path}: {m}" for m in fresh]
    for path in paths:
        result.uses_before += len(uses(files.get(path, b"")))
    for path in {*paths, *(c.path for c in plan.changes if c.before is None)}:
        result.uses_after += len(uses(after.get(path, b"")))
        silent = unmarked(after.get(path, b""))
        result.unmarked += len(silent)
        result.left += [f"{path}:{u.line} unmarked {u.name}" for u in silent]
    try:
        again = make_plan(after, ConvertOptions(targets=frozenset(paths)))
        result.not_idempotent = [c.path for c in again.changes]
    except Exception:
        result.crash = "second run: " + traceback.format_exc(limit=-3)
    return result


def projects(corpus: Path, kinds: str) -> Iterator[tuple[str, str, str, list[str]]]:
    grouped: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    with corpus.open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines, delimiter="\t"):
            if row["class"] in kinds:
                grouped[row["repo"], row["commit"], row["class"]].append(row["path"])
    for (repo, commit, kind), paths in sorted(grouped.items()):
        yield repo, commit, kind, paths


def row(result: Result) -> str:
    bad = "; ".join(
        filter(
            None,
            [
                "crash" if result.crash else "",
                f"broken {len(result.newly_broken)}" if result.newly_broken else "",
                f"undefined {len(result.new_undefined)}" if result.new_undefined else "",
                f"not idempotent {len(result.not_idempotent)}" if result.not_idempotent else "",
            ],
        )
    )
    return (
        f"| {result.repo} `{result.commit}` | {result.kind} | {result.files} | {result.changed}+{result.created} "
        f"| {result.uses_before} → {result.uses_after} | {result.unmarked} | {result.todo} "
        f"| {', '.join(result.gates) or '–'} | {bad or 'ok'} | {result.seconds} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--class", dest="kinds", default="ABC")
    parser.add_argument("--only", default="", help="a part of a repository's name")
    parser.add_argument("--details", action="store_true", help="what went wrong or was left, in words")
    parser.add_argument("--json", type=Path, help="write everything there, too")
    options = parser.parse_args()
    results: list[Result] = []
    print("| project | class | files | changed+new | old API uses | unmarked | markers | gates | result | s |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for repo, commit, kind, paths in projects(options.corpus, options.kinds):
        if options.only not in repo:
            continue
        folder = git_dir(options.checkouts, repo)
        if folder is None:
            print(f"| {repo} | {kind} | not at hand | | | | | | | |")
            continue
        result = try_project(repo, commit, kind, project_files(folder, commit, paths), paths)
        results.append(result)
        print(row(result), flush=True)
        if options.details:
            for line in [
                result.crash,
                *result.newly_broken,
                *result.new_undefined,
                *result.not_idempotent,
                *result.left,
            ]:
                if line:
                    print(f"    {line}")
    before, after = sum(r.uses_before for r in results), sum(r.uses_after for r in results)
    print(
        f"\n{len(results)} projects; crashes {sum(bool(r.crash) for r in results)}; "
        f"newly broken {sum(len(r.newly_broken) for r in results)}; "
        f"new undefined names {sum(len(r.new_undefined) for r in results)}; "
        f"not idempotent {sum(len(r.not_idempotent) for r in results)}; "
        f"old API uses {before} → {after} ({100 * (before - after) / max(before, 1):.1f} % rewritten), "
        f"unmarked {sum(r.unmarked for r in results)}; markers {sum(r.todo for r in results)}"
    )
    clean = {digest: f"{r.repo} {p}" for r in results for p, digest in r.clean.items()}
    changed = {r.clean[p]: f"{r.repo} {r.commit} {p}" for r in results for p in r.clean_changed}
    print(f"{len(clean)} listed files (each once) import livekit and have no old use; {len(changed)} of them change:")
    print("\n".join(f"    {where}" for where in sorted(changed.values())))
    if options.json:
        options.json.write_text(json.dumps([asdict(r) for r in results], indent=1))


if __name__ == "__main__":
    main()
