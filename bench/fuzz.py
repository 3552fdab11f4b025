"""Throws generated Python files at the rewriter, and looks whether what it promises holds for each of them.

    python bench/fuzz.py [--count 100000] [--start 0] [--seconds 3600] [--jobs 2] [--keep build/fuzz]
    python bench/fuzz.py --again build/fuzz

Inputs are numbered, and each comes back from its number (tests/properties/inputs.py makes them; laws.py says what must
hold), so that a run is resumed with `--start`, and a failure repeated with `--start N --count 1`. Inputs that break a
law are kept, and the run ends with exit code 1; `--again` tries those that were kept, whatever numbers stand for now.
Then lk-migrate is killed a hundred times (bench/crash.py).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "properties"))

from inputs import generated
from laws import Broken, check_laws

#: Inputs that a worker does before it reports.
BATCH = 50


def batch(start: int, count: int) -> list[tuple[int, str]]:
    """Number and outcome of some inputs."""
    return [(number, outcome(generated(number))) for number in range(start, start + count)]


def outcome(data: bytes) -> str:
    """What became of an input; what begins with `!` is a broken law."""
    try:
        return check_laws(data)
    except Broken as error:
        return f"!{error}"
    except Exception:
        return f"!{traceback.format_exc(limit=-1).strip().splitlines()[-1]}"


def again(folder: Path) -> int:
    """The inputs of earlier runs that broke a law; those that do not any more are removed."""
    broken = 0
    kept = sorted(folder.glob("*.py"))
    for file in kept:
        what = outcome(file.read_bytes())
        if what.startswith("!"):
            broken += 1
            print(f"{file}: {what[1:]}", flush=True)
        else:
            file.unlink()
    print(f"{len(kept)} kept inputs, {broken} of them still break a law")
    return 1 if broken else 0


def batches(start: int, count: int) -> Iterator[tuple[int, int]]:
    for first in range(start, start + count, BATCH):
        yield first, min(BATCH, start + count - first)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--keep", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--kills", type=int, default=100, help="runs of bench/crash.py")
    parser.add_argument("--again", type=Path, metavar="FOLDER", help="only the inputs that were kept there")
    arguments = parser.parse_args()
    if arguments.again:
        return again(arguments.again)
    begin, counts, broken, done = time.monotonic(), Counter[str](), 0, arguments.start
    todo = batches(arguments.start, arguments.count)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        # Asked for in small portions, so that the time limit is kept.
        while portion := list(islice(todo, 2 * arguments.jobs)):
            for rows in pool.map(batch, *zip(*portion, strict=True)):
                for number, what in rows:
                    done = number + 1
                    counts["broken" if what.startswith("!") else what] += 1
                    if what.startswith("!"):
                        broken += 1
                        arguments.keep.mkdir(parents=True, exist_ok=True)
                        (arguments.keep / f"{number}.py").write_bytes(generated(number))
                        print(f"input {number}: {what[1:]}", flush=True)
            if time.monotonic() - begin > arguments.seconds:
                break
    seconds = time.monotonic() - begin
    total = sum(counts.values())
    print(f"{total:,} inputs in {seconds:.0f} s ({dict(counts)}); go on with --start {done}")
    if arguments.kills:
        crash = Path(__file__).with_name("crash.py")
        killed = subprocess.run([sys.executable, str(crash), str(arguments.kills)], check=False)
        broken += killed.returncode != 0
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
