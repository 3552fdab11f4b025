"""Compares conversions with the owners' own migrations: which LiveKit API theirs and ours end with.

    python bench/after.py --corpus corpus.tsv --checkouts DIR

Rows of `corpus.tsv` with an `after` (`COMMIT:PATH`, the same project once its owner had migrated it) are converted
like bench/field.py does it, and both results are taken apart by `ast`: names imported from livekit, keywords given to
its calls, decorators, event names, and overridden methods of agents. Printed: how many of these both have, only
theirs and only ours (which: --details), and how much old API (bench/legacy_api.py) there is before and after. Text,
models and the owners' new features differ by nature; old API on one side only is a difference that matters.
"""

from __future__ import annotations

import argparse
import ast
import csv
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from field import applied, git, git_dir, project_files
from legacy_api import imported_names, uses

from lk_migrate.plan import ConvertOptions, make_plan


def constructs(source: bytes) -> set[str]:
    """What a file uses of LiveKit: `import X`, `X(keyword=)`, `@decorator`, `on "event"`, `def method`."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {"does not parse"}
    return set(_constructs(tree))


def _constructs(tree: ast.Module) -> Iterator[str]:
    names = imported_names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livekit"):
            yield from (f"import {alias.name}" for alias in node.names)
        elif isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base) for base in node.bases]
            if any(base.split("[")[0].split(".")[0] in names for base in bases):
                yield from (f"class ({base})" for base in bases)
                yield from (
                    f"def {item.name}"
                    for item in node.body
                    if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef)) and item.name in _HOOKS
                )
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for decorator in node.decorator_list:
                text = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
                if text.split(".")[0] in names or text.endswith("rtc_session"):
                    yield f"@{text}"
        elif isinstance(node, ast.Call):
            yield from _call(node, names)


_HOOKS = frozenset({"on_enter", "on_exit", "on_user_turn_completed", "llm_node", "tts_node", "stt_node"})
_METHODS = frozenset({"start", "say", "generate_reply", "update_options", "rtc_session", "run_app", "load"})


def _call(call: ast.Call, names: dict[str, str]) -> Iterator[str]:
    function = call.func.value if isinstance(call.func, ast.Subscript) else call.func
    text = ast.unparse(function)
    last = text.rpartition(".")[2]
    if last == "on" and call.args and isinstance(call.args[0], ast.Constant):
        yield f'on "{call.args[0].value}"'
    elif text.split(".")[0] in names or last in _METHODS or text == "super().__init__":
        shown = last if last in _METHODS or text.startswith("super") else text
        yield f"{shown}()"
        yield from (f"{shown}({k.arg}=)" for k in call.keywords if k.arg)


def theirs(after: str, repo: str, checkouts: Path) -> bytes | None:
    """The owner's file (a commit or tag, and its path), None when it is not at hand."""
    where, _, path = after.partition(":")
    folder = git_dir(checkouts, repo)
    if folder is None:
        return None
    for revision in (where, f"refs/tags/{where}"):
        try:
            return git(folder, "show", f"{revision}:{path}")
        except Exception:
            continue
    return None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--only", default="", help="a part of a repository's name")
    parser.add_argument("--details", action="store_true", help="name the constructs, too")
    options = parser.parse_args()
    print("| file | in both | only the owner's | only ours | old API before | the owner's | ours |")
    print("|---|---|---|---|---|---|---|")
    with options.corpus.open(encoding="utf-8") as lines:
        rows = [r for r in csv.DictReader(lines, delimiter="\t") if r["after"] and options.only in r["repo"]]
    for row in rows:
        folder = git_dir(options.checkouts, row["repo"])
        owner = theirs(row["after"], row["repo"], options.checkouts)
        if folder is None or owner is None:
            print(f"| {row['repo']} {row['path']} | not at hand | | | | | |")
            continue
        files = project_files(folder, row["commit"], [row["path"]])
        after = applied(files, make_plan(files, ConvertOptions(targets=frozenset([row["path"]]))))
        fresh = [data for path, data in after.items() if path not in files]
        ours = set().union(*(constructs(data) for data in (after[row["path"]], *fresh)))
        owners = constructs(owner)
        old = [len(uses(data)) for data in (files[row["path"]], owner, after[row["path"]])]
        print(
            f"| {row['repo']} `{row['commit'][:8]}` {row['path']} | {len(ours & owners)} | {len(owners - ours)} "
            f"| {len(ours - owners)} | {old[0]} | {old[1]} | {old[2]} |",
            flush=True,
        )
        if options.details:
            print(f"    only the owner's: {_shown(owners - ours)}\n    only ours: {_shown(ours - owners)}")


def _shown(items: set[str]) -> str:
    return ", ".join(f"`{item}`" for item in sorted(items)) or "–"


if __name__ == "__main__":
    main()
