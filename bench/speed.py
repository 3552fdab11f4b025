"""How fast is it, next to what the libraries alone cost in the same run? `make bench`, or `python bench/speed.py`.

Two promises: planning the clinic's conversion costs at most 3 times what LibCST needs to parse and print the files
that change, and `lk-migrate --help` at most 2 times `python -c "import typer, rich"`. CPU seconds (user and system),
medians of runs in turn, so that a busy machine slows both sides alike. Exits with 1 when a promise is broken.
"""

from __future__ import annotations

import argparse
import gc
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import libcst as cst
from rich.console import Console
from rich.table import Table

from lk_migrate.facts import outline, relevant, syntax
from lk_migrate.read import ReadProject, read_project

CLINIC = Path(__file__).resolve().parent.parent / "fixtures" / "legacy" / "clinic"


@dataclass(frozen=True)
class Comparison:
    """Seconds of CPU time of each run; `most` is the ratio that was promised."""

    what: str
    measure: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    most: float

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return statistics.median(self.ours) / statistics.median(self.theirs)

    @property
    def kept(self) -> bool:
        return self.ratio <= self.most


def in_turn(ours: Callable[[], float], theirs: Callable[[], float], runs: int) -> tuple[list[float], list[float]]:
    """Both measured `runs` times, alternately, after one of each that does not count."""
    ours(), theirs()
    pairs = [(ours(), theirs()) for _ in range(runs)]
    return [a for a, _ in pairs], [b for _, b in pairs]


def timed(work: Callable[[], object]) -> float:
    """CPU seconds of this process."""
    gc.collect()
    begun = time.process_time()
    work()
    return time.process_time() - begun


def child_seconds(command: Sequence[str]) -> float:
    """CPU seconds of a program from its start to its end."""
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {child.returncode}")
    return usage.ru_utime + usage.ru_stime


def forget() -> None:
    """Nothing that an earlier run read out of the same bytes is known after it."""
    for module in (outline, relevant, syntax):
        for remembering in vars(module).values():
            if hasattr(remembering, "cache_clear"):
                remembering.cache_clear()


def conversion(project: ReadProject, runs: int) -> Comparison:
    """A whole plan (the files are in memory on both sides) against LibCST's part of it."""
    plan = project.plan()
    changed = [c.before for c in plan.changes if c.before is not None and c.path.endswith(".py")]

    def parse_and_print() -> None:
        for data in changed:
            assert cst.parse_module(data).bytes == data

    def plan_anew() -> float:
        forget()
        return timed(project.plan)

    ours, theirs = in_turn(plan_anew, lambda: timed(parse_and_print), runs)
    lines = sum(data.count(b"\n") for data in changed)
    what = f"convert the clinic ({len(changed)} files change, {lines} lines)"
    return Comparison(what, "LibCST: parse and print them", tuple(ours), tuple(theirs), 3.0)


def start(runs: int) -> Comparison:
    """The price of asking for help."""
    help_, bare = [sys.executable, "-m", "lk_migrate", "--help"], [sys.executable, "-c", "import typer, rich"]
    ours, theirs = in_turn(lambda: child_seconds(help_), lambda: child_seconds(bare), runs)
    return Comparison("lk-migrate --help", 'python -c "import typer, rich"', tuple(ours), tuple(theirs), 2.0)


def show(comparisons: Sequence[Comparison], out: Console) -> None:
    table = Table("", "ours", "against", "theirs", "ratio", "goal", title="CPU seconds, medians", title_justify="left")
    for one in comparisons:
        ours, theirs = (f"{statistics.median(values):.3f}" for values in (one.ours, one.theirs))
        verdict = "" if one.kept else " missed"
        table.add_row(one.what, ours, one.measure, theirs, f"{one.ratio:.2f}", f"≤ {one.most:g}{verdict}")
    out.print(table)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7, help="how often each side runs (default: 7)")
    runs = parser.parse_args().runs
    comparisons = [conversion(read_project(CLINIC, [CLINIC / "services"]), runs), start(runs)]
    show(comparisons, Console())
    return 0 if all(one.kept for one in comparisons) else 1


if __name__ == "__main__":
    sys.exit(main())
