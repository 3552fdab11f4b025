"""What does `lk-migrate scan` take on the clock? `python bench/scan.py [--runs 5] PROJECT...`

Least of `--runs` runs, each a process of its own from its start to its end; and the CPU seconds of the first process,
which is about what the clock says on a machine that does nothing else (the others work at the same time). The goal is
a second for a project of 100 files. Bytecode is on the disk, as after an installation.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
_SCAN = (
    "import atexit, sys, time\nfrom lk_migrate.__main__ import main\nroot = sys.argv[1]\n"
    "sys.argv[1:] = ['--root', root, 'scan', root]\n"
    "atexit.register(lambda: print(time.process_time(), file=sys.stderr))\nmain()"
)


def once(root: Path) -> tuple[float, float]:
    """Seconds by the clock, and CPU seconds of the first process."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _SCAN, str(root)], check=True, capture_output=True, text=True, env=_ENVIRONMENT
    )
    return time.perf_counter() - began, float(done.stderr.split()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("projects", type=Path, nargs="+")
    arguments = parser.parse_args()
    print("| Python files | of which speak of LiveKit | kB of these | seconds | CPU seconds of the first process |")
    print("|---:|---:|---:|---:|---:|")
    for root in arguments.projects:
        files = [path.read_bytes() for path in root.resolve().rglob("*.py")]
        ours = [data for data in files if b"livekit" in data]
        runs = [once(root.resolve()) for _ in range(arguments.runs)]
        wall, cpu = min(run[0] for run in runs), min(run[1] for run in runs)
        print(f"| {len(files)} | {len(ours)} | {sum(map(len, ours)) // 1000} | {wall:.2f} | {cpu:.2f} |", flush=True)


if __name__ == "__main__":
    main()
