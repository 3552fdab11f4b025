"""How long do files that change take, next to LibCST's parse and print of the same files?

    python bench/changed.py --corpus corpus.tsv --checkouts DIR [--runs 3]

Corpus and checkouts are those of bench/field.py. Of each project the files that its conversion changes are planned once
more, as a project of their own, in one process, with nothing remembered; both sides in turn, CPU seconds, medians.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import sys
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import libcst as cst
from field import git_dir, project_files, projects
from speed import forget, in_turn, timed

from lk_migrate.plan import ConvertOptions, make_plan

#: Bytes below which a project says more about the clock than about either side.
LEAST = 3_000


def is_read_by_libcst(data: bytes) -> bool:
    """A comment with bytes of another encoding is none of our concern, and ends LibCST."""
    try:
        cst.parse_module(data)
    except UnicodeDecodeError:
        return False
    return True


def parsed_and_printed(files: Iterable[bytes]) -> None:
    for data in files:
        assert cst.parse_module(data).bytes == data


def planned(files: dict[str, bytes]) -> float:
    """CPU seconds; garbage collection is off, as it is in every command (read.py)."""
    forget()
    gc.collect()
    gc.disable()
    try:
        return timed(lambda: make_plan(files, ConvertOptions()))
    finally:
        gc.enable()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    pairs: list[tuple[float, float]] = []
    for repo, commit, kind, paths in projects(options.corpus, "ABC"):
        folder = git_dir(options.checkouts, repo)
        files = project_files(folder, commit, paths) if folder is not None else {}
        changes = make_plan(files, ConvertOptions()).changes if files else ()
        before = {c.path: c.before for c in changes if c.before is not None and c.path.endswith(".py")}
        changed = {path: data for path, data in before.items() if is_read_by_libcst(data)}
        if sum(map(len, changed.values())) < LEAST:
            continue
        ours, theirs = in_turn(
            lambda only=changed: planned(only),  # type: ignore[misc]
            lambda only=changed: timed(lambda: parsed_and_printed(only.values())),  # type: ignore[misc]
            options.runs,
        )
        pairs.append((statistics.median(ours), statistics.median(theirs)))
        size = sum(map(len, changed.values())) // 1000
        ratio = pairs[-1][0] / pairs[-1][1]
        print(f"{ratio:.2f} {repo} {commit[:10]} {kind}: {len(changed)} files, {size} kB", flush=True)
    total = sum(a for a, _ in pairs) / sum(b for _, b in pairs)
    print(
        f"{total:.2f} in total, {statistics.median(a / b for a, b in pairs):.2f} in the median of {len(pairs)} projects"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
