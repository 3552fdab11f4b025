"""How long `lk-migrate` takes to say anything, against what importing its CLI libraries takes.

    python bench/start.py [ROUNDS]

Prints medians in milliseconds and the ratio; the aim is 1.5 at most for `--help` and `--version`.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

BASE = "python -c 'import typer, rich'"
COMMANDS = {
    BASE: ["-c", "import typer, rich"],
    "lk-migrate --version": ["-m", "lk_migrate", "--version"],
    "lk-migrate --help": ["-m", "lk_migrate", "--help"],
    "lk-migrate backup --help": ["-m", "lk_migrate", "backup", "--help"],
}


def once(arguments: list[str]) -> float:
    """Seconds for one run of the interpreter."""
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds):  # interleaved, so that a busy machine is busy for all of them
        for name, arguments in COMMANDS.items():
            times[name].append(once(arguments))
    base = statistics.median(times[BASE])
    for name, samples in times.items():
        median = statistics.median(samples)
        print(f"{median * 1000:7.1f} ms  {median / base:5.2f}x  {name}")


if __name__ == "__main__":
    main()
