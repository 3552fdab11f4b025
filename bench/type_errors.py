"""Counts type errors on LiveKit symbols before and after conversion, with pyright against an installed target.

    python bench/type_errors.py --corpus corpus.tsv --checkouts DIR --pyright PATH --python VENV/bin/python \\
        --v0 VENV0/bin/python --v1 VENV1/bin/python [--class BC] [--details]

Projects are read and converted as in bench/field.py; both trees are written to a temporary folder and checked. An
error counts as LiveKit's when it is at an import from livekit, names one of its classes, or stands in a call of
something imported from it; all others are "elsewhere", where only messages that the project did not have before
count. A name that no longer exists is one error at its import and unknown from there on, so that 0.x files start
with fewer errors than they have mistakes.

What is a mistake of the project's own, and what is an edition that changed? `--v0` (for class B, and for projects of
class C whose requirements name a 0.x release) and `--v1` (for the others of class C) are interpreters with the
livekit-agents that the projects were written for: an error that pyright finds with that one already, in the untouched
file, is the project's own.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from field import applied, git_dir, project_files, projects
from legacy_api import marked_lines

from lk_migrate.plan import ConvertOptions, make_plan

#: pyright's rules for what a changed API breaks.
RULES = frozenset(
    {
        "reportMissingImports",
        "reportAttributeAccessIssue",
        "reportCallIssue",
        "reportArgumentType",
        "reportAbstractUsage",
        "reportGeneralTypeIssues",
        "reportIndexIssue",
        "reportIncompatibleMethodOverride",
        "reportInvalidTypeForm",
        "reportUndefinedVariable",
        "reportPossiblyUnbound",
    }
)
#: Of these, what says that an import, attribute or parameter does not exist (or that one is missing): "API" in the
#: table. The others are about the types of values ("values"), as often the project's own looseness as LiveKit's change.
API = frozenset({"reportMissingImports", "reportAttributeAccessIssue", "reportCallIssue", "reportAbstractUsage"})
SETTINGS = {
    "typeCheckingMode": "standard",
    "reportMissingModuleSource": "none",
    "reportOptionalMemberAccess": "none",
    "reportPossiblyUnbound": "error",
}


@dataclass(frozen=True)
class Error:
    path: str
    line: int
    rule: str
    message: str


@dataclass(frozen=True)
class Tree:
    """A project at a commit, before or after: its files, and which of them are asked about."""

    files: dict[str, bytes]
    shown: frozenset[str]


def check(trees: Sequence[Tree], pyright: Path, python: Path) -> list[list[Error]]:
    """What pyright says of each tree's `shown` files, with all of its files around them.

    One process for all: each tree is an execution environment of its own, and the framework is read once.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name).resolve()
        for number, tree in enumerate(trees):
            for path, data in tree.files.items():
                target = folder / f"t{number}" / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        included = [f"t{n}/{p}" for n, tree in enumerate(trees) for p in sorted(tree.shown) if p in tree.files]
        environments = [{"root": f"t{n}"} for n in range(len(trees))]
        settings = {**SETTINGS, "include": included, "executionEnvironments": environments, "pythonVersion": "3.11"}
        (folder / "pyrightconfig.json").write_text(json.dumps(settings))
        command = [str(pyright), "--outputjson", "--pythonpath", str(python), "--project", name]
        run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=3600)
        found: list[list[Error]] = [[] for _ in trees]
        for item in json.loads(run.stdout)["generalDiagnostics"]:
            if item["severity"] != "error" or item.get("rule", "") not in RULES:
                continue
            tree_name, _, path = Path(item["file"]).resolve().relative_to(folder).as_posix().partition("/")
            line = item["range"]["start"]["line"] + 1
            found[int(tree_name[1:])].append(Error(path, line, item.get("rule", ""), item["message"]))
        return found


def livekit_classes(python: Path) -> frozenset[str]:
    """The public names of the installed framework."""
    code = (
        "import livekit.agents as a, livekit.rtc as r, livekit.api as i; print(*dir(a), *dir(a.llm), *dir(r), *dir(i))"
    )
    listed = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True).stdout.split()
    return frozenset(n for n in listed if n[0].isupper())


def is_livekit(error: Error, source: bytes, classes: frozenset[str]) -> bool:
    """Whether the error is about LiveKit's API."""
    if "livekit" in error.message or classes & set(re.findall(r'"(\w+)', error.message)):
        return True
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return False
    imported = {
        (alias.asname or alias.name).split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
        if (getattr(node, "module", None) or alias.name).startswith("livekit")
    }
    for node in ast.walk(tree):
        if not (getattr(node, "lineno", 0) <= error.line <= getattr(node, "end_lineno", -1)):
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livekit"):
            return True
        if isinstance(node, ast.Call):
            root = ast.unparse(node.func).split(".")[0].split("[")[0]
            if root in imported or ast.unparse(node.func) == "super().__init__":
                return True
    return False


def own_mistakes(old: Sequence[Error], tree: dict[str, bytes]) -> set[tuple[str, str]]:
    """What errors of the edition that the project was written for look like: (path, message or text of the line)."""
    return {(e.path, text) for e in old for text in (e.message, f"{e.rule} {line_of(e, tree)}")}


def is_own(error: Error, own: set[tuple[str, str]], tree: dict[str, bytes]) -> bool:
    return (error.path, error.message) in own or (error.path, f"{error.rule} {line_of(error, tree)}") in own


def line_of(error: Error, tree: dict[str, bytes]) -> str:
    lines = tree[error.path].decode("utf-8", "replace").splitlines()
    return lines[error.line - 1].strip() if error.line <= len(lines) else ""


@dataclass(frozen=True)
class Job:
    """A project to be converted and checked."""

    repo: str
    commit: str
    kind: str
    before: Tree
    after: Tree


def converted(corpus: Path, checkouts: Path, kinds: str, only: str) -> Iterator[Job]:
    for repo, commit, kind, paths in projects(corpus, kinds):
        folder = git_dir(checkouts, repo)
        if only not in repo or folder is None:
            continue
        files = project_files(folder, commit, paths)
        after = applied(files, make_plan(files, ConvertOptions(targets=frozenset(paths))))
        shown = frozenset({*paths, *(p for p in after if p not in files)})
        yield Job(repo, commit[:10], kind, Tree(files, shown), Tree(after, shown))


#: `livekit-agents==0.12.17`, `livekit-agents[openai]~=0.11`: a requirement of a 0.x release.
PINNED_0X = re.compile(rb"^[\s\"']*livekit-agents(?:\[[^\]]*\])?\s*[=~]=\s*0\.", re.MULTILINE)


def is_of_0x(job: Job) -> bool:
    manifests = (data for path, data in job.before.files.items() if not path.endswith(".py"))
    return job.kind == "B" or any(PINNED_0X.search(data) for data in manifests)


def written_for(jobs: Sequence[Job], pyright: Path, v0: Path, v1: Path) -> list[list[Error]]:
    """What pyright says of each untouched project with the edition that it was written for."""
    found: dict[int, list[Error]] = {}
    for python, of_0x in ((v0, True), (v1, False)):
        numbers = [n for n, job in enumerate(jobs) if is_of_0x(job) is of_0x]
        if numbers:
            found |= dict(zip(numbers, check([jobs[n].before for n in numbers], pyright, python), strict=True))
    return [found[n] for n in range(len(jobs))]


COLUMNS = "API before | after | own | left | unmarked | values before | after | own | new elsewhere"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--pyright", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True, help="an interpreter with the target installed")
    parser.add_argument("--v0", type=Path, required=True, help="one with livekit-agents 0.12 installed")
    parser.add_argument("--v1", type=Path, required=True, help="one with an early livekit-agents 1.x installed")
    parser.add_argument("--class", dest="kinds", default="BC")
    parser.add_argument("--only", default="", help="a part of a repository's name")
    parser.add_argument("--details", action="store_true", help="what is left or new, in words")
    options = parser.parse_args()
    classes = livekit_classes(options.python)
    totals: Counter[str] = Counter()
    print(f"| project | class | files | {COLUMNS} |\n|{'---|' * 12}")
    for kind in options.kinds:
        jobs = list(converted(options.corpus, options.checkouts, kind, options.only))
        trees = [tree for job in jobs for tree in (job.before, job.after)]
        found = check(trees, options.pyright, options.python)
        then = written_for(jobs, options.pyright, options.v0, options.v1)
        for number, job in enumerate(jobs):
            counts, details = judged(job, found[2 * number], found[2 * number + 1], then[number], classes)
            row = " | ".join(map(str, counts.values()))
            print(f"| {job.repo} `{job.commit}` | {kind} | {len(job.before.shown)} | {row} |", flush=True)
            totals.update({f"{kind} {name}": value for name, value in counts.items()})
            if options.details:
                print("".join(f"    {line}\n" for line in details), end="")
    print("\n" + ", ".join(f"{name}: {count}" for name, count in totals.items()))


def judged(
    job: Job, old: list[Error], new: list[Error], then: list[Error], classes: frozenset[str]
) -> tuple[dict[str, int], list[str]]:
    """The columns of one project, and its errors in words. `then`: what the edition of its day says of it."""
    files, after = job.before.files, job.after.files
    before = [e for e in old if is_livekit(e, files.get(e.path, b""), classes)]
    left = [e for e in new if is_livekit(e, after.get(e.path, b""), classes)]
    mistakes = own_mistakes(then, files)
    own = {e for e in new if is_own(e, mistakes, after)}
    known = Counter(e.message for e in old)
    elsewhere = [e for e in new if e not in left and not known[e.message] and e not in own]
    marked = {path: marked_lines(after[path]) for path in {e.path for e in new}}
    ours = [e for e in left if e.rule in API and e not in own]
    counts = {
        "API before": sum(e.rule in API for e in before),
        "API after": sum(e.rule in API for e in left),
        "API own": sum(e.rule in API and e in own for e in left),
        "API left": len(ours),
        "API left, unmarked": sum(e.line not in marked[e.path] for e in ours),
        "values before": sum(e.rule not in API for e in before),
        "values after": sum(e.rule not in API for e in left),
        "values own": sum(e.rule not in API and e in own for e in left),
        "new elsewhere": len(elsewhere),
    }
    details = []
    for label, errors in (("left", left), ("elsewhere", elsewhere)):
        for e in errors:
            words = ["API" if e.rule in API else "value", "own" if e in own else ""]
            words += ["marked" if e.line in marked[e.path] else "", f"{e.path}:{e.line}", e.message.splitlines()[0]]
            details.append(" ".join([label, *filter(None, words)])[:220])
    return counts, details


if __name__ == "__main__":
    main()
