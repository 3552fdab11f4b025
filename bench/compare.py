"""The same tree, the same run: lk-migrate beside other codemods and beside what reading and parsing cost.

    python bench/compare.py [--tree DIR] [--files 120] [--rounds 3] [--limit 120] [--most 10000] [--write]

DIR is any folder of public Python code (default: this environment's site-packages); every n-th file of it is copied,
and files with early 1.x LiveKit code are put among them, so that there is something to convert. The other tools are
installed from PyPI, each into an environment of its own below build/. Every tool gets a fresh copy and only looks
(its dry run), in turn with the others; CPU seconds of it and its children, medians. The growth curves go up by tens to
`--most` files and lines, in a temporary tree that is removed. `--write` puts table, plot and curves at the head of
docs/performance.md and leaves its other sections alone.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE, PLOT = ROOT / "docs" / "performance.md", ROOT / "docs" / "performance.svg"

LEGACY = """\
from livekit.agents import Agent, AgentSession, JobContext, RoomInputOptions, WorkerOptions, cli
from livekit.plugins import openai


class Host{n}(Agent):
    def __init__(self) -> None:
        super().__init__(instructions="Be brief.")


async def entrypoint(ctx: JobContext):
    session = AgentSession(llm=openai.LLM(), allow_interruptions=True, min_endpointing_delay=0.4)
    await session.start(agent=Host{n}(), room=ctx.room, room_input_options=RoomInputOptions(close_on_disconnect=False))


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
"""
READ = "import sys,pathlib\nfor p in pathlib.Path(sys.argv[1]).rglob('*.py'): p.read_bytes()"
AST = "import sys,pathlib,ast\nfor p in pathlib.Path(sys.argv[1]).rglob('*.py'): ast.parse(p.read_bytes())"
CST = (
    "import sys,pathlib,libcst\n"
    "for p in pathlib.Path(sys.argv[1]).rglob('*.py'): libcst.parse_module(p.read_bytes()).code"
)


@dataclass(frozen=True)
class Tool:
    """`package`: what to install from PyPI into its own environment (None: ours). `{tree}`: the copy of the tree."""

    name: str
    command: tuple[str, ...]
    package: str | None = None
    each_file: bool = False


TOOLS = (
    Tool("read every file", (sys.executable, "-c", READ, "{tree}")),
    Tool("ast.parse every file", (sys.executable, "-c", AST, "{tree}")),
    Tool("LibCST parse + code, every file", (sys.executable, "-c", CST, "{tree}")),
    Tool("lk-migrate convert --check", (sys.executable, "-m", "lk_migrate", "convert", "--check", "--root", "{tree}")),
    Tool("django-upgrade", ("{bin}/django-upgrade", "--target-version", "5.0"), "django-upgrade", True),
    Tool("pyupgrade", ("{bin}/pyupgrade", "--py310-plus"), "pyupgrade", True),
    Tool("mcp-codemod (dry run)", ("{bin}/mcp-codemod", "{tree}"), "mcp-codemod"),
    Tool("bump-pydantic --diff", ("{bin}/bump-pydantic", "--diff", "."), "bump-pydantic"),
    Tool(
        "LibCST codemod runner, one rename",
        (
            sys.executable, "-m", "libcst.tool", "codemod", "rename.RenameCommand", "--old_name", "no.such_name",
            "--new_name", "no.name", "--no-format", ".",
        ),
    ),
)  # fmt: skip


def make_tree(source: Path, files: int, folder: Path) -> None:
    """Every n-th file of `source` between 200 bytes and 60 kB where it stands, and one file in ten of ours.

    Out of their packages, files with relative imports end bump-pydantic with an ImportError.
    """
    found = sorted(p for p in source.rglob("*.py") if 200 < p.stat().st_size < 60_000 and "livekit" not in p.parts)
    for path in found[:: max(1, len(found) // files)][:files]:
        place = folder / path.relative_to(source)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    for number in range(max(1, files // 10)):
        (folder / f"agent{number}.py").write_text(LEGACY.format(n=number))
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\nversion = '1'\n")


def installed(tool: Tool) -> Path | None:
    """The tool's bin folder; None when it cannot be installed here."""
    if tool.package is None:
        return Path(sys.executable).parent
    venv = ROOT / "build" / "compare" / tool.package
    if not (venv / "bin" / tool.package).exists():
        done = subprocess.run(["uv", "venv", "-q", "--allow-existing", venv], check=False)
        done = done.returncode == 0 and subprocess.run(  # type: ignore[assignment]
            ["uv", "pip", "install", "-q", "-p", venv / "bin" / "python", tool.package], check=False
        )
        if not done or not (venv / "bin" / tool.package).exists():
            return None
    return venv / "bin"


def cpu_of(tool: Tool, source: Path, limit: float) -> float | None:
    """CPU seconds on a fresh copy of the tree; None when it took longer than the limit."""
    folder = installed(tool)
    if folder is None:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        tree = Path(temporary) / "tree"
        shutil.copytree(source, tree)
        command = [part.replace("{tree}", str(tree)).replace("{bin}", str(folder)) for part in tool.command]
        if tool.each_file:
            command += [str(p) for p in sorted(tree.rglob("*.py"))]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        try:
            done = subprocess.run(command, cwd=tree, capture_output=True, timeout=limit, check=False)
        except subprocess.TimeoutExpired:
            return None
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if b"Traceback" in done.stderr or done.returncode not in (0, 1, 3):
        print(f"{tool.name}: exit code {done.returncode}: {done.stderr[-300:]!r}", file=sys.stderr)
        return None
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def compare(source: Path, rounds: int, limit: float) -> dict[str, float | None]:
    """Tool → median CPU seconds."""
    samples: dict[str, list[float]] = {t.name: [] for t in TOOLS}
    out: set[str] = set()
    for number in range(rounds):
        for tool in TOOLS:
            if tool.name in out:
                continue
            seconds = cpu_of(tool, source, limit)
            print(f"round {number + 1}: {tool.name}: {seconds}", file=sys.stderr, flush=True)
            if seconds is None:
                out.add(tool.name)
            else:
                samples[tool.name].append(seconds)
    return {n: statistics.median(s) if s and n not in out else None for n, s in samples.items()}


def timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _read_all(paths: Sequence[Path]) -> list[bytes]:
    return [p.read_bytes() for p in paths]


def growth(sizes: Sequence[int], lines: Sequence[int], source: Path) -> Iterator[tuple[str, int, float, float]]:
    """(curve, size, our CPU seconds, the limit's): files of which 20 are ours; lines of one file that changes."""
    import libcst as cst

    from lk_migrate.plan import ConvertOptions, make_plan
    from lk_migrate.read import read_project

    make_plan({"a.py": LEGACY.encode()}, ConvertOptions())  # imports the rules
    small = (p for p in sorted(source.rglob("*.py")) if p.stat().st_size < 4_000)  # 100,000 of them must fit
    found = [data for p in small if b"livekit" not in (data := p.read_bytes())]
    for size in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary).resolve()
            (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
            for number in range(size):
                path = root / f"p{number // 500}" / f"m{number}.py"
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(LEGACY.format(n=number).encode() if number < 20 else found[number % len(found)])
            paths = list(root.rglob("*.py"))
            read = min(timed(partial(_read_all, paths)) for _ in range(3))
            yield "files", size, timed(lambda root=root: read_project(root, []).plan()), read
    for count in lines:
        body = "".join(f"def f{n}(x):\n    return call(x, {n})  # {n}\n\n\n" for n in range(count // 4))
        data = (LEGACY.format(n=0) + body).encode()
        limit = timed(lambda data=data: cst.parse_module(data).code)
        with tempfile.TemporaryDirectory() as temporary:
            root = Path(temporary).resolve()
            (root / "pyproject.toml").write_text("[project]\nname = 'x'\n")
            (root / "a.py").write_bytes(data)
            yield "lines", count, timed(lambda root=root: read_project(root, []).plan()), limit


def table(times: dict[str, float | None], limit: float) -> str:
    ours = times["lk-migrate convert --check"]
    rows = ["| tool | CPU seconds | times ours |", "|---|---:|---:|"]
    for name, seconds in sorted(times.items(), key=lambda t: (t[1] is None, t[1] or 0)):
        ratio = f"{seconds / ours:.2f}" if seconds is not None and ours else "–"
        shown = f"{seconds:.2f}" if seconds is not None else "no figure: an error, or the time limit"
        rows.append(f"| {name} | {shown} | {ratio} |")
    return "\n".join(rows)


def plot(times: dict[str, float | None]) -> str:
    """Bars on a logarithmic scale, as SVG."""
    import math

    rows = sorted(((s, n) for n, s in times.items() if s), key=lambda r: r[0])
    low, high = math.log10(rows[0][0]) - 0.3, math.log10(rows[-1][0])
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{len(rows) * 28 + 10}" '
        'font-family="sans-serif" font-size="13">'
    ]
    for number, (seconds, name) in enumerate(rows):
        width = 380 * (math.log10(seconds) - low) / (high - low)
        y, colour = 8 + number * 28, "#1f6feb" if name.startswith("lk-migrate") else "#8b949e"
        parts.append(f'<text x="250" y="{y + 15}" text-anchor="end" fill="#57606a">{name}</text>')
        parts.append(f'<rect x="260" y="{y}" width="{width:.0f}" height="20" rx="3" fill="{colour}"/>')
        parts.append(f'<text x="{266 + width:.0f}" y="{y + 15}" fill="#57606a">{seconds:.2f} s</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _other_sections(page: str) -> list[str]:
    """The page's sections that this program does not write."""
    sections = page.split("\n## ")[1:]
    return [f"\n## {section}" for section in sections if not section.startswith("How it grows")]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--tree", type=Path, default=Path(sysconfig.get_path("purelib")))
    parser.add_argument("--files", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--limit", type=float, default=120.0)
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--most", type=int, default=10_000, help="files, and lines, that the growth curves end with")
    arguments = parser.parse_args()
    steps = [10**n for n in range(2, 6) if 10**n <= arguments.most]
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        make_tree(arguments.tree, arguments.files, source)
        sizes = [p.stat().st_size for p in source.rglob("*.py")]
        times = compare(source, arguments.rounds, arguments.limit)
        curves = list(growth(steps, steps, source))
    lines = [
        "# Performance",
        "",
        "`python bench/compare.py --write` measures and writes this page: CPU seconds of whole processes (medians "
        f"of {arguments.rounds} runs in turn), each tool on a fresh copy of {len(sizes)} files "
        f"({sum(sizes) / 1e6:.1f} MB) of public code, one in eleven with early 1.x LiveKit code. "
        f"Python {platform.python_version()}, {os.cpu_count()} cores. "
        "Other tools do other work: this compares how long a person waits, not engines.",
        "",
        table(times, arguments.limit),
        "",
        "![The same as bars, on a logarithmic scale](performance.svg)",
        "",
        "## How it grows",
        "",
        "Files, of which 20 are LiveKit's (the limit: reading each once); lines of one file that changes (the limit: "
        "LibCST's parse + code of it).",
        "",
        "| what | how many | ours, s | limit, s | ratio |",
        "|---|---:|---:|---:|---:|",
        *(
            f"| {what} | {size:,} | {ours:.2f} | {limit:.3f} | {ours / limit:.1f} |"
            for what, size, ours, limit in curves
        ),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.write:
        PAGE.write_text("\n".join([text.rstrip("\n"), *_other_sections(PAGE.read_text())]))
        PLOT.write_text(plot(times))


if __name__ == "__main__":
    main()
