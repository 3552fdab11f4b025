"""How long finding the Python files of a big tree takes, against reading each of its files once.

    python bench/discovery.py [FILES] [ROUNDS]

Builds a tree of FILES small files in a temporary folder, with a .gitignore of the size that people have.
The aim is that discovery and reading what it found stay within 4 times of reading every file once.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lk_migrate.project.discover import project_files, python_files
from lk_migrate.project.source import SourceFile, read_source

# As many patterns as the .gitignore files that project generators write.
IGNORE = "\n".join(f"*.ext{n}\ncache{n}/\n/out{n}/**\n" for n in range(35)) + "\n!keep.ext1\n"


def make_tree(root: Path, files: int) -> list[Path]:
    """Python files, 50 to a folder, of about 3 kB."""
    (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    (root / ".gitignore").write_text(IGNORE)
    made = []
    for number in range(files):
        path = root / f"pkg{number // 1000}" / f"sub{number // 50 % 20}" / f"m{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"value_{number} = {number}\n" * 150)
        made.append(path)
    return made


def median(rounds: int, work: Callable[[], object]) -> float:
    """Seconds."""
    samples = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        samples.append(time.perf_counter() - start)
    return statistics.median(samples)


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder).resolve()
        paths = make_tree(root, files)

        def read_sources() -> None:
            for path in python_files(root).files:
                assert isinstance(read_source(root, path), SourceFile)

        rows = {
            "read every file once": lambda: [path.read_bytes() for path in paths],
            "python_files": lambda: python_files(root),
            "project_files": lambda: project_files(root),
            "python_files + read_source": read_sources,
        }
        times = {name: median(rounds, work) for name, work in rows.items()}
    base = times["read every file once"]
    for name, seconds in times.items():
        print(f"{seconds * 1000:8.1f} ms  {seconds / base:5.2f}x  {seconds / files * 1e6:6.1f} µs/file  {name}")


if __name__ == "__main__":
    main()
