"""Counts type errors on LiveKit symbols before and after conversion, with pyright against an installed target.

    python bench/type_errors.py --corpus corpus.tsv --checkouts DIR --pyright PATH --python VENV/bin/python [--class BC]

Projects are read and converted as in bench/field.py; both trees are written to a temporary folder and checked. An
error counts as LiveKit's when it is at an import from livekit, names one of its classes, or stands in a call of
something imported from it; all others are "elsewhere", where only messages that the project did not have before
count. A name that no longer exists is one error at its import and unknown from there on, so that 0.x files start
with fewer errors than they have mistakes.
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
from collections.abc import Sequence
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--pyright", type=Path, required=True)
    parser.add_argument("--python", type=Path, required=True, help="an interpreter with the target installed")
    parser.add_argument("--class", dest="kinds", default="BC")
    parser.add_argument("--only", default="", help="a part of a repository's name")
    parser.add_argument("--details", action="store_true", help="what is left or new, in words")
    options = parser.parse_args()
    classes = livekit_classes(options.python)
    labels, trees = [], []
    for repo, commit, kind, paths in projects(options.corpus, options.kinds):
        folder = git_dir(options.checkouts, repo)
        if options.only not in repo or folder is None:
            continue
        files = project_files(folder, commit, paths)
        after = applied(files, make_plan(files, ConvertOptions(targets=frozenset(paths))))
        shown = frozenset({*paths, *(p for p in after if p not in files)})
        labels.append((repo, commit[:10], kind, len(paths)))
        trees += [Tree(files, shown), Tree(after, shown)]
    found = check(trees, options.pyright, options.python)
    totals: Counter[str] = Counter()
    print("| project | class | files | API before | after | unmarked | values before | after | new elsewhere |")
    print("|---|---|---|---|---|---|---|---|---|")
    for number, (repo, commit, kind, count) in enumerate(labels):
        old, new = found[2 * number : 2 * number + 2]
        files, after = trees[2 * number].files, trees[2 * number + 1].files
        before = [e for e in old if is_livekit(e, files.get(e.path, b""), classes)]
        left = [e for e in new if is_livekit(e, after.get(e.path, b""), classes)]
        known = Counter(e.message for e in old)
        elsewhere = [e for e in new if e not in left and not known[e.message]]
        marked = {path: marked_lines(after[path]) for path in {e.path for e in left}}
        counts = {
            "API before": sum(e.rule in API for e in before),
            "API after": sum(e.rule in API for e in left),
            "API after, unmarked": sum(e.rule in API and e.line not in marked[e.path] for e in left),
            "values before": sum(e.rule not in API for e in before),
            "values after": sum(e.rule not in API for e in left),
            "new elsewhere": len(elsewhere),
        }
        print(f"| {repo} `{commit}` | {kind} | {count} | {' | '.join(map(str, counts.values()))} |", flush=True)
        totals.update({f"{kind} {name}": value for name, value in counts.items()})
        if options.details:
            for label, errors in (("left", left), ("new", elsewhere)):
                for e in errors:
                    why = (
                        f"{'API' if e.rule in API else 'value'} {'marked' if e.line in marked.get(e.path, ()) else ''}"
                    )
                    same = "as before" if known[e.message] else ""
                    print(f"    {label} {e.path}:{e.line} {why} {same} {e.message.splitlines()[0][:160]}")
    print("\n" + ", ".join(f"{name}: {count}" for name, count in sorted(totals.items())))


if __name__ == "__main__":
    main()
