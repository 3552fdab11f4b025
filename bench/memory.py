"""How much memory does planning take, next to LibCST's parse and print of the files that change?

    python bench/memory.py [--runs 3] [--files 200] [--lines 10000]

The promise: at most 1.5 times. Peak resident memory (`ru_maxrss`) of child processes that read the same files, least
of `--runs` runs: LibCST one file after another, as its codemod runner does; LibCST with all trees held at once; ours,
with one process (each more takes about as much again). Exits with 1 when the promise is broken.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from compare import LEGACY

ROOT = Path(__file__).resolve().parent.parent
CLINIC = ROOT / "fixtures" / "legacy" / "clinic"
_READ = "import sys, pathlib\nfiles = [pathlib.Path(p).read_bytes() for p in sys.argv[2:]]\n"
BARE = _READ + "import libcst"
EACH = _READ + "import libcst\nfor data in files: assert libcst.parse_module(data).bytes == data"
HELD = (
    _READ + "import libcst\ntrees = [libcst.parse_module(d) for d in files]\nassert [t.bytes for t in trees] == files"
)
OURS = (
    "import sys, pathlib\nfrom lk_migrate.late_methods import methods_when_called\n"
    "with methods_when_called():  # as the command does\n"
    "    from lk_migrate.read import read_project\n"
    "    root = pathlib.Path(sys.argv[1])\n    plan = read_project(root, []).plan(jobs=1)\n"
    "print(*(root / c.path for c in plan.changes if c.path.endswith('.py') and c.before is not None), sep='\\n')"
)
#: With bytecode on the disk, as installed packages have it: compiling takes more memory than what is compiled.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
#: How often the memory of LibCST, file after file, planning may take.
MOST = 1.5


@dataclass(frozen=True)
class Row:
    """Peaks in MB. `bare`: Python, LibCST imported and the files' bytes."""

    what: str
    bare: float
    each: float
    held: float
    ours: float

    @property
    def ratio(self) -> float:
        return self.ours / self.each


def peak(code: str, arguments: list[str], runs: int) -> float:
    """The least peak of `runs` children, in MB."""
    found = []
    for _ in range(runs):
        command = [sys.executable, "-c", code, *arguments]
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=_ENVIRONMENT)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise SystemExit(f"a child ended with {child.returncode}")
        found.append(usage.ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10))
    return min(found)


def measured(what: str, root: Path, runs: int) -> Row:
    command = [sys.executable, "-c", OURS, str(root)]
    listed = subprocess.run(command, check=True, capture_output=True, text=True, env=_ENVIRONMENT)
    arguments = [str(root), *listed.stdout.split()]
    bare, each, held, ours = (peak(code, arguments, runs) for code in (BARE, EACH, HELD, OURS))
    lines = sum(Path(p).read_bytes().count(b"\n") for p in arguments[1:])
    return Row(f"{what} ({len(arguments) - 1} files change, {lines:,} lines)", bare, each, held, ours)


def body(lines: int) -> str:
    """As many lines of plain code."""
    return "".join(f"def f{n}(x):\n    return call(x, {n})  # {n}\n\n\n" for n in range(lines // 4))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--files", type=int, default=200)
    parser.add_argument("--lines", type=int, default=10_000)
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        many, long = Path(temporary).resolve() / "many", Path(temporary).resolve() / "long"
        for root in (many, long):
            root.mkdir()
            (root / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")
        for number in range(arguments.files):
            (many / f"agent{number}.py").write_text(LEGACY.format(n=number) + body(100))
        (long / "agent.py").write_text(LEGACY.format(n=0) + body(arguments.lines))
        clinic = shutil.copytree(CLINIC, Path(temporary).resolve() / "clinic")
        for what, root in (("the clinic", clinic), ("many files", many), ("a long file", long)):
            rows.append(measured(what, root, arguments.runs))
    print("| peak memory, MB | LibCST imported | LibCST, one by one | all trees held | lk-migrate | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {row.what} | {row.bare:.0f} | {row.each:.0f} | {row.held:.0f} | {row.ours:.0f} | {row.ratio:.2f} |")
    return 0 if all(row.ratio <= MOST for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
