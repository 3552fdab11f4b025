"""Throws generated Python files at the rewriter, and looks whether what it promises holds for each of them.

    python bench/fuzz.py [--count 100000] [--start 0] [--seconds 3600] [--jobs 2] [--keep build/fuzz]
    python bench/fuzz.py --again build/fuzz

Nine in ten are single files, one is a project, and one of 500 a whole app, which mostly gets a new main module.
Inputs are numbered, and each comes back from its number (tests/properties/inputs.py makes them; laws.py says what must
hold), so that a run is resumed with `--start`, and a failure repeated with `--start N --count 1`. Inputs that break a
law are kept, and the run ends with exit code 1; `--again` tries those that were kept, whatever numbers stand for now.
Then lk-migrate is killed a hundred times (bench/crash.py).
"""

from __future__ import annotations

import argparse
import gc
import shutil
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "properties"))

from inputs import generated
from laws import Broken, checked

from lk_migrate.rules.registry import all_rules

#: Inputs that a worker does before it reports.
BATCH = 50
#: Inputs after which the run says how far it is.
TELL = 10_000


def batch(start: int, count: int) -> list[tuple[int, str, frozenset[str]]]:
    """Number, outcome and rules met of some inputs."""
    gc.disable()  # what is thrown away between two inputs goes at once
    found = [(number, *outcome(generated(number))) for number in range(start, start + count)]
    gc.collect()
    return found


def outcome(files: Mapping[str, bytes]) -> tuple[str, frozenset[str]]:
    """What became of an input, and the rules that met something in it; what begins with `!` is a broken law."""
    try:
        found = checked(files)
    except Broken as error:
        return f"!{error}", frozenset()
    except Exception:
        return f"!{traceback.format_exc(limit=-1).strip().splitlines()[-1]}", frozenset()
    return found.outcome, found.rules


def keep(folder: Path, number: int, files: Mapping[str, bytes]) -> None:
    """A file by itself as `<number>.py`, a project in a folder."""
    alone = list(files) == ["main.py"]
    for path, data in files.items():
        target = folder / f"{number}.py" if alone else folder / str(number) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def kept(path: Path) -> dict[str, bytes]:
    """The files of an input that was kept."""
    if path.is_file():
        return {"main.py": path.read_bytes()}
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in sorted(path.rglob("*")) if p.is_file()}


def again(folder: Path) -> int:
    """The inputs of earlier runs that broke a law; those that do not any more are removed."""
    broken = 0
    inputs = sorted(folder.iterdir())
    for path in inputs:
        what, _ = outcome(kept(path))
        if what.startswith("!"):
            broken += 1
            print(f"{path}: {what[1:]}", flush=True)
        elif path.is_file():
            path.unlink()
        else:
            shutil.rmtree(path)
    print(f"{len(inputs)} kept inputs, {broken} of them still break a law")
    return 1 if broken else 0


def batches(start: int, count: int) -> Iterator[tuple[int, int]]:
    for first in range(start, start + count, BATCH):
        yield first, min(BATCH, start + count - first)


def reached(met: Counter[str]) -> str:
    """How many of the rules met something, edition by edition, and which never did."""
    found = []
    for edition in dict.fromkeys(rule.edition for rule in all_rules()):
        ids = [rule.id for rule in all_rules() if rule.edition is edition]
        never = [rule for rule in ids if not met[rule]]
        found.append(
            f"{edition.value} {len(ids) - len(never)} of {len(ids)}{f' (not {chr(44).join(never)})' * bool(never)}"
        )
    return f"rules met: {', '.join(found)}"


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
    begin, counts, met, broken, done = time.monotonic(), Counter[str](), Counter[str](), 0, arguments.start
    todo = batches(arguments.start, arguments.count)
    with ProcessPoolExecutor(arguments.jobs) as pool:
        # Asked for in small portions, so that the time limit is kept.
        while portion := list(islice(todo, 2 * arguments.jobs)):
            for rows in pool.map(batch, *zip(*portion, strict=True)):
                for number, what, rules in rows:
                    done = number + 1
                    met.update(rules)
                    counts["broken" if what.startswith("!") else what] += 1
                    if what.startswith("!"):
                        broken += 1
                        keep(arguments.keep, number, generated(number))
                        print(f"input {number}: {what[1:]}", flush=True)
            seconds = time.monotonic() - begin
            if done % TELL < BATCH * len(portion):
                print(f"up to {done}: {broken} broken, {seconds:.0f} s", file=sys.stderr, flush=True)
            if seconds > arguments.seconds:
                break
    seconds = time.monotonic() - begin
    total = sum(counts.values())
    print(f"{total:,} inputs in {seconds:.0f} s ({dict(counts)}); go on with --start {done}")
    print(reached(met))
    if arguments.kills:
        crash = Path(__file__).with_name("crash.py")
        killed = subprocess.run([sys.executable, str(crash), str(arguments.kills)], check=False)
        broken += killed.returncode != 0
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
