"""Verifies public projects after their conversion, each in a scratch environment: docs/verify-field.md is its output.

    python bench/field_verify.py --corpus corpus.tsv --checkouts DIR --scratch DIR [--only TEXT] [--write]

Corpus and checkouts are those of bench/field.py. Each project is checked out, converted, given an environment with what
its converted manifest asks for (through `uv`), and verified in the stages static, console and voice. Where the manifest
cannot be installed as a whole, only the framework and the plugins that the code imports are. Nothing is written into
the checkouts; the projects' code runs as `verify` runs it: against stand-ins, with other machines out of reach.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
from field import git, git_dir

from lk_migrate import TARGET
from lk_migrate.verify.needs import plugins_imported

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("static", "console", "voice")
_PYTHON = "3.11"

#: A repository at a commit → the file that a person runs there. One app of each; small enough to be installed.
PROJECTS = (
    ("Anirud-Mohan/Voice-AI-Agent", "bf9cbd78", "A", "backend/agent.py"),
    ("batumzff/liveKitCallCenter", "84064827", "A", "agent.py"),
    ("imthebreezy247/outbound-caller-python", "16f655ec", "A", "agent.py"),
    ("tobieabel/livekit-voice-agent", "747c7e01", "A", "src/simple_voice_agent.py"),
    ("Jona163/LIVE_KIT_IA_ASSISTEN_BETA", "7dc18749", "B", ""),
    ("KieranRED/LiveKit-AI-Voice-Assitant", "6eac2ece", "B", "main.py"),
    ("Spagum9113/cramplan_voice", "273a1f91", "B", ""),
    ("livekit-examples/groq-voice-assistant", "8f25e309", "B", ""),
    ("livekit-examples/voice-pipeline-agent-python", "444c58c6", "B", "agent.py"),
    ("sasidhar-zlr/livekit-assistant", "ce90958c", "B", ""),
    ("AssemblyAI-Community/mcp-livekit-agent", "cc6ce870", "C", ""),
    ("Dattuog/my-voice-pipeline-agent-python", "8d56f188", "C", ""),
    ("livekit-examples/agent-starter-python", "23271e05", "C", "src/agent.py"),
    ("razzacktiger/Insta-Voice-Assistant-", "9db004bd", "C", ""),
    ("yangwhale/voice-pipeline-agent-python", "3a5ec5ef", "C", "agent.py"),
)


@dataclass
class Result:
    """One project. `installed`: the whole manifest, or only the plugins. `stages`: stage → ok, failed or skipped."""

    repo: str
    commit: str
    kind: str
    main: str = ""
    installed: str = ""
    stages: dict[str, str] = field(default_factory=dict)
    why: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(*command: str | Path, timeout: float = 600, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=timeout, cwd=cwd)


def check_out(checkouts: Path, repo: str, commit: str, to: Path) -> None:
    """The tree of a commit. Raises SystemExit when the repository is not among the checkouts."""
    folder = git_dir(checkouts, repo)
    if folder is None:
        raise SystemExit(f"{repo} is not in {checkouts}")
    for path in (
        git(folder, "ls-tree", "-r", "--name-only", "-z", commit).decode("utf-8", "surrogateescape").split("\0")
    ):
        with contextlib.suppress(subprocess.CalledProcessError, ValueError):  # not in this copy, or not a file of ours
            data = git(folder, "show", f"{commit}:{path}") if path else b""
            target = (to / path).resolve()
            target.relative_to(to)
            if path:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)


def full_commit(corpus: Path, repo: str, short: str) -> str:
    with corpus.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["repo"] == repo and row["commit"].startswith(short):
                return row["commit"]
    raise SystemExit(f"{repo} {short} is not in {corpus}")


def environment(root: Path, main: str, to: Path) -> tuple[Path, str]:
    """An environment for the project, and how much of its manifest is in it."""
    run("uv", "venv", "-q", "-p", _PYTHON, to)
    python = to / "bin" / "python"
    start = (root / main).parent if main else root
    folders = [start, *start.parents]
    for folder in folders[: folders.index(root) + 1]:
        for name in ("requirements.txt", "pyproject.toml"):
            if (folder / name).is_file():
                done = run("uv", "pip", "install", "-q", "-p", python, "-r", folder / name, "python-dotenv")
                if done.returncode == 0:
                    return python, name
                break
    plugins = {p.replace("_", "-") for file in root.rglob("*.py") for p in plugins_imported(file)}
    known = [f"livekit-agents~={TARGET}.0", *(f"livekit-plugins-{plugin}" for plugin in sorted(plugins))]
    done = run("uv", "pip", "install", "-q", "-p", python, *known, "python-dotenv")
    return python, "plugins only" if done.returncode == 0 else "nothing"


def measure(entry: tuple[str, str, str, str], corpus: Path, checkouts: Path, scratch: Path) -> Result:
    """Check out, convert, install, verify."""
    repo, short, kind, main = entry
    begun = time.monotonic()
    commit = full_commit(corpus, repo, short)
    result = Result(repo, short, kind, main)
    root = (scratch / "projects" / f"{repo.replace('/', '+')}-{short}" / repo.split("/")[1]).resolve()
    shutil.rmtree(root.parent, ignore_errors=True)
    root.mkdir(parents=True)
    check_out(checkouts, repo, commit, root)
    tool = [sys.executable, "-m", "lk_migrate"]
    done = run(*tool, "convert", "--root", root, "--json")
    if done.returncode not in (0, 3):
        result.why.append(f"convert: {done.stderr.strip()[:200]}")
        return result
    python, result.installed = environment(root, main, root.parent / "env")
    choice = ["--main", main] if main else []
    stages = [part for stage in STAGES for part in ("--stage", stage)]
    done = run(*tool, "verify", "--root", root, "--python", python, *choice, *stages, "--json", "--quiet")
    if not done.stdout.strip():
        result.why.append(f"verify: {done.stderr.strip()[:300]}")
        return result
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    (root.parent / "rows.json").write_text(json.dumps(rows, indent=1))
    for stage in STAGES:
        counts = Counter(row["status"] for row in rows if row["stage"] == stage)
        result.stages[stage] = "failed" if counts["failed"] else "ok" if counts["ok"] else "skipped"
    result.why = [told(row, root) for row in rows if row["status"] == "failed"]
    result.seconds = time.monotonic() - begun
    return result


def told(row: dict[str, Any], root: Path) -> str:
    """A failed row in a line."""
    place = row["place"]
    at = f"{place['path']}:{place['line']}: " if place else ""
    return re.sub(r"\s+", " ", f"{row['stage']}: {row['name']}: {at}{row['detail']}").replace(str(root), ".")


def main() -> None:
    """Run all of them, keep each result as soon as it is there, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--only", default="", help="projects whose name contains this")
    parser.add_argument("--write", action="store_true", help="write docs/verify-field.md from all that was measured")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    kept = options.scratch / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for entry in PROJECTS:
        if options.only not in entry[0]:
            continue
        result = measure(entry, options.corpus, options.checkouts, options.scratch)
        results[f"{result.repo} {result.commit}"] = asdict(result)
        kept.write_text(json.dumps(results, indent=1))
        print(result.repo, result.installed, result.stages, f"{result.seconds:.0f} s", *result.why[:4], sep="\n   ")
        sys.stdout.flush()
    if options.write:
        table = markdown([Result(**one) for one in results.values()])
        (ROOT / "docs" / "verify-field.md").write_text(table, encoding="utf-8")


def markdown(results: list[Result]) -> str:
    """The table."""
    lines = [
        "| project | class | environment | " + " | ".join(STAGES) + " | what fails |",
        "|---|---|---|" + "---|" * len(STAGES) + "---|",
    ]
    for one in results:
        states = " | ".join(one.stages.get(stage, "–") for stage in STAGES)
        why = "<br>".join(line[:220].replace("|", "\\|") for line in one.why[:3])
        more = f"<br>and {len(one.why) - 3} more" if len(one.why) > 3 else ""
        lines.append(f"| {one.repo} `{one.commit}` | {one.kind} | {one.installed} | {states} | {why}{more} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
