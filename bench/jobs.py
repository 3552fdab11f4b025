"""How much faster is a plan with two processes? `python bench/jobs.py [--runs 5] [--jobs 2] [--tree PATH]...`

The promise: on 2 cores at least 1.6 times faster, where 200 or more files change. Two trees of our own: 200 agents of
one file each, with 100 and 400 lines that do not change; `--tree` adds others (a clone of an example repository).
Wall-clock seconds of whole processes from their start to their end, in turn, medians; and the CPU seconds of all their
processes, which say what the second one costs. Exits with 1 when the promise is broken.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from compare import LEGACY
from memory import body

PLAN = (
    "import sys, pathlib, time\nfrom lk_migrate.read import read_project\n"
    "plan = read_project(pathlib.Path(sys.argv[1]), []).plan(jobs=int(sys.argv[2]), no_main=True)\n"
    "print(sum(c.path.endswith('.py') for c in plan.changes), time.process_time())"
)
#: How much faster two processes must be.
LEAST = 1.6


@dataclass(frozen=True)
class Run:
    """Seconds: by the clock, of CPU time of all processes, and of the first one, which waits for no other for long.

    The last is about what the clock says on a machine that does nothing else.
    """

    wall: float
    cpu: float
    first: float
    changed: int


def run(root: Path, jobs: int) -> Run:
    """One plan in a process of its own."""
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, "-c", PLAN, str(root), str(jobs)], stdout=subprocess.PIPE)
    assert child.stdout is not None
    printed = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"a child ended with {child.returncode}")
    changed, first = printed.split()
    return Run(wall, usage.ru_utime + usage.ru_stime, float(first), int(changed))


def agents(root: Path, files: int, lines: int) -> Path:
    """A tree of agents that each stand in one file."""
    root.mkdir()
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
    for number in range(files):
        (root / f"agent{number}.py").write_text(LEGACY.format(n=number) + body(lines))
    return root


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--tree", type=Path, action="append", default=[])
    arguments = parser.parse_args()
    kept = True
    more = arguments.jobs
    print(f"| tree | files that change | 1 process, s | {more}, s | faster | CPU of 1 | CPU of {more} | the first's |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary).resolve()
        trees = [agents(place / f"{lines}_lines_more", arguments.files, lines) for lines in (100, 400)]
        for root in (*trees, *arguments.tree):
            pairs = [(run(root, 1), run(root, more)) for _ in range(arguments.runs)]
            one, several = ([pair[i] for pair in pairs] for i in (0, 1))
            wall = [statistics.median(r.wall for r in runs) for runs in (one, several)]
            cpu = [statistics.median(r.cpu for r in runs) for runs in (one, several)]
            first = statistics.median(r.first for r in several)
            kept &= wall[0] / wall[1] >= LEAST
            print(
                f"| {root.name} | {one[0].changed} | {wall[0]:.2f} | {wall[1]:.2f} | {wall[0] / wall[1]:.2f} | "
                f"{cpu[0]:.2f} | {cpu[1]:.2f} | {first:.2f} |",
                flush=True,
            )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
