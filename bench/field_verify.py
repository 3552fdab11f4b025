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
import os
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
#: Beyond this many Python files only the main file's folder is taken.
_MONOREPO = 100
_PYTHON = "3.11"
_INSTALLS_IN = 180.0  # seconds; what takes longer (torch and its like) is left out

#: Modules that a project imports and has no manifest for → what has them.
_PACKAGES = {
    "beanie": "beanie",
    "fitz": "pymupdf",
    "httpx": "httpx",
    "motor": "motor",
    "numpy": "numpy",
    "pandas": "pandas",
    "PyPDF2": "PyPDF2",
    "pymongo": "pymongo",
    "requests": "requests",
    "supabase": "supabase",
}

#: A repository at a commit → the file that a person runs there: one app for each repository and class, where there is
#: one (a commit that the corpus has only a helper or a test of is none). Of monorepos only that file's folder is taken.
PROJECTS = (
    ("Anirud-Mohan/Voice-AI-Agent", "bf9cbd78", "A", "backend/agent.py"),
    ("batumzff/liveKitCallCenter", "84064827", "A", "agent.py"),
    ("hezhenfan/kitt-plus", "5d1e69a0", "A", "agent.py"),
    ("imthebreezy247/outbound-caller-python", "16f655ec", "A", "agent.py"),
    ("JackRobinson1234/phoneAgentLiveKit", "bbfe6f55", "A", "agent.py"),
    ("MalayJain412/livekitVoiceAgent", "dc838882", "A", "cagent.py"),
    ("ShubhamX-AI/api_livekit", "4c74c1c3", "A", "src/core/agents/session.py"),
    ("tobieabel/livekit-voice-agent", "747c7e01", "A", "src/simple_voice_agent.py"),
    ("tobieabel/workshop-assistant", "dad6e778", "A", "backend/agent.py"),
    ("cyai/livekit-twilio-agent", "c1cda851", "B", "minimal_assistant.py"),
    ("dumindu00/Ai-Voice-Asistance", "b501c5a2", "B", "agent.py"),
    ("jayanta8509/agents_livekit", "92cdf045", "B", "examples/multimodal-agent/openai_agent.py"),
    ("Jona163/LIVE_KIT_IA_ASSISTEN_BETA", "7dc18749", "B", "main.py"),
    ("KaushikSurarapu16/PrepSage", "8e2d9f43", "B", "agent.py"),
    ("KieranRED/LiveKit-AI-Voice-Assitant", "6eac2ece", "B", "main.py"),
    ("lezgoverci/livekit-cruzr-agent-llm-pipeline", "766af249", "B", "agent.py"),
    ("livekit/agents", "10e4a61c", "B", "examples/multimodal-agent/openai_agent.py"),
    ("livekit/agents", "ac1edf0f", "B", "examples/voice-assistant/function_calling_weather.py"),
    ("livekit/livekit_composite", "ab6bd4fc", "B", "livekit-examples/agent-demos/ivr-nagivator/agent.py"),
    ("livekit-examples/groq-voice-assistant", "8f25e309", "B", "agent/main.py"),
    ("livekit-examples/voice-pipeline-agent-python", "444c58c6", "B", "agent.py"),
    ("MichaelYangjson/voice-pipeline-agent-python", "2e3e7f4c", "B", "agent.py"),
    ("sasidhar-zlr/livekit-assistant", "ce90958c", "B", "main.py"),
    ("Spagum9113/cramplan_voice", "273a1f91", "B", "backend/agent.py"),
    ("svpino/livekit-assistant", "00bd075c", "B", "assistant.py"),
    ("AizazKhan19/Livekit-Agents-Examples", "54525438", "C", "Agent_transfer/agent_transfer.py"),
    ("AssemblyAI-Community/mcp-livekit-agent", "cc6ce870", "C", "agent.py"),
    ("batumzff/liveKitCallCenter", "84064827", "C", "working_agent.py"),
    ("Dattuog/my-voice-pipeline-agent-python", "8d56f188", "C", "agent.py"),
    ("imthebreezy247/outbound-caller-python", "587494ce", "C", "agent-1/src/agent.py"),
    ("KieranRED/LiveKit-AI-Voice-Assitant", "393fe32a", "C", "main.py"),
    ("livekit/agents", "3df5afc6", "C", "examples/voice_agents/push_to_talk.py"),
    ("livekit/agents", "3190f4af", "C", "examples/voice_agents/inactive_user.py"),
    ("livekit/livekit_composite", "ab6bd4fc", "C", "livekit-examples/python-agents-examples/metrics/metrics_llm.py"),
    ("livekit-examples/agent-starter-python", "23271e05", "C", "src/agent.py"),
    ("livekit-examples/dev-day-demos", "4e68ed18", "C", "exa-deep-researcher/agent.py"),
    ("livekit-examples/voice-pipeline-agent-python", "e2088728", "C", "agent.py"),
    ("mobbyliu/python-agents-examples", "e1e996dc", "C", "complex-agents/drive-thru/drivethru_agent.py"),
    ("razzacktiger/Insta-Voice-Assistant-", "9db004bd", "C", "backend/main.py"),
    ("tobieabel/livekit-voice-agent", "747c7e01", "C", "examples/multi_agent.py"),
    ("Ubaid-Ghante/voice-pipeline-agent-python", "ada329bb", "C", "task6/advanced.py"),
    ("yangwhale/voice-pipeline-agent-python", "3a5ec5ef", "C", "agent.py"),
)

#: Whose fault it is that a project fails, as far as a person found out by looking: by the key of its entry.
VERDICTS = {
    "batumzff/liveKitCallCenter 84064827 A": "its own: API that never existed (`JobType`), a marker stands there",
    "hezhenfan/kitt-plus 5d1e69a0 A": "left to a person: speech classes of its own on 0.x's base, markers stand there",
    "imthebreezy247/outbound-caller-python 16f655ec A": (
        "its own: a console has no metadata (`json.loads` of an empty text); the row says what to write"
    ),
    "JackRobinson1234/phoneAgentLiveKit bbfe6f55 A": "nobody's: its constructor asks a server, out of reach here",
    "MalayJain412/livekitVoiceAgent dc838882 A": "nobody's: packages of its own (langchain and others) not installed",
    "ShubhamX-AI/api_livekit 4c74c1c3 A": "nobody's: it wants a MongoDB on this machine",
    "tobieabel/livekit-voice-agent 747c7e01 A": (
        "its own: with `src/__init__.py`, `lk agent console` does not find modules beside the main file"
    ),
    "Jona163/LIVE_KIT_IA_ASSISTEN_BETA 7dc18749 B": "its own: it does not parse, before as after",
    "KaushikSurarapu16/PrepSage 8e2d9f43 B": "its own: API that never existed (`openai.Plugin()`), with a marker",
    "KieranRED/LiveKit-AI-Voice-Assitant 6eac2ece B": (
        "its own: API that never existed (`@agents.entrypoint`), a marker stands there"
    ),
    "livekit/livekit_composite ab6bd4fc B": "nobody's: its session starts when a telephone joins, a console has none",
    "AssemblyAI-Community/mcp-livekit-agent cc6ce870 C": "its open pin of pydantic-ai installs another major version",
    "batumzff/liveKitCallCenter 84064827 C": (
        "its own: API that never existed (`silero.TTS`), a marker stands there; its `except` then waits for ever"
    ),
    "Dattuog/my-voice-pipeline-agent-python 8d56f188 C": (
        "its own: API that never existed (`session.wait_for_disconnection()`), a marker stands there"
    ),
    "KieranRED/LiveKit-AI-Voice-Assitant 393fe32a C": "nobody's: its Supabase's address is not set, and it returns",
    "livekit/agents 3df5afc6 C": "verify's, mended: another example needs Python 3.12, and nobody pushes to talk",
    "livekit/agents 3190f4af C": "verify's, mended: other examples need Python 3.12",
    "livekit-examples/dev-day-demos 4e68ed18 C": "nobody's: a key of a service of its own is not set",
    "mobbyliu/python-agents-examples e1e996dc C": (
        "the conversion's, open: Cartesia's plugin takes `speed` as a number now, and no rule says so"
    ),
    "razzacktiger/Insta-Voice-Assistant- 9db004bd C": "the console's: it awaits a mock of its room; the row says so",
}


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


def check_out(checkouts: Path, repo: str, commit: str, main: str, to: Path) -> str:
    """The tree of a commit, or of a monorepo the main file's folder; the main file's path in it.

    Raises SystemExit when the repository is not among the checkouts."""
    folder = git_dir(checkouts, repo)
    if folder is None:
        raise SystemExit(f"{repo} is not in {checkouts}")
    listed = git(folder, "ls-tree", "-r", "--name-only", "-z", commit).decode("utf-8", "surrogateescape").split("\0")
    environments = {path.removesuffix("pyvenv.cfg") for path in listed if path.rpartition("/")[2] == "pyvenv.cfg"}
    listed = [path for path in listed if path and not path.startswith(tuple(environments))]
    base = main.rpartition("/")[0] if sum(path.endswith(".py") for path in listed) > _MONOREPO else ""
    for path in listed:
        target = (to / path.removeprefix(f"{base}/")).resolve()
        if base and not path.startswith(f"{base}/"):
            continue
        # Not in this copy, or no file of ours, or a name that this file system does not take.
        with contextlib.suppress(subprocess.CalledProcessError, ValueError, OSError):
            data = git(folder, "show", f"{commit}:{path}")
            target.relative_to(to)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    return main.removeprefix(f"{base}/")


def full_commit(corpus: Path, repo: str, short: str) -> str:
    with corpus.open(newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            if row["repo"] == repo and row["commit"].startswith(short):
                return row["commit"]
    raise SystemExit(f"{repo} {short} is not in {corpus}")


def environment(root: Path, main: str, to: Path) -> tuple[Path, str]:
    """An environment for the project, and how much of its manifest is in it."""
    shutil.rmtree(to, ignore_errors=True)
    run("uv", "venv", "-q", "-p", _PYTHON, to)
    python = to / "bin" / "python"
    start = (root / main).parent if main else root
    folders = [start, *start.parents]
    for folder in folders[: folders.index(root) + 1]:
        for name in ("requirements.txt", "pyproject.toml"):
            if (folder / name).is_file():
                if _installs(python, "-r", folder / name):
                    return python, name
                break
    plugins = {p.replace("_", "-") for file in root.rglob("*.py") for p in plugins_imported(file)}
    texts = [file.read_text("utf-8", "replace") for file in root.rglob("*.py")]
    own = {p for m, p in _PACKAGES.items() if any(re.search(rf"^(import|from) {m}\b", t, re.M) for t in texts)}
    known = [*sorted(own), f"livekit-agents~={TARGET}.0", *(f"livekit-plugins-{plugin}" for plugin in sorted(plugins))]
    return python, "plugins only" if _installs(python, *known) else "nothing"


def _installs(python: Path, *what: str | Path) -> bool:
    """Whether it can be installed, in reasonable time; python-dotenv is what nearly every agent forgets to ask for."""
    try:
        command = ("uv", "pip", "install", "-q", "-p", python, *what, "python-dotenv")
        return run(*command, timeout=_INSTALLS_IN).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def measure(entry: tuple[str, str, str, str], corpus: Path, checkouts: Path, scratch: Path) -> Result:
    """Check out, convert, install, verify."""
    repo, short, kind, main = entry
    begun = time.monotonic()
    commit = full_commit(corpus, repo, short)
    result = Result(repo, short, kind, main)
    root = (scratch / "projects" / f"{repo.replace('/', '+')}-{short}-{kind}" / repo.split("/")[1]).resolve()
    shutil.rmtree(root.parent, ignore_errors=True)
    root.mkdir(parents=True)
    main = check_out(checkouts, repo, commit, main, root)
    tool = [sys.executable, "-m", "lk_migrate"]
    done = run(*tool, "convert", "--root", root, "--json")
    if done.returncode not in (0, 3):
        result.why.append(f"convert: {done.stderr.strip()[:200]}")
        return result
    python, result.installed = environment(root, main, root.parent / "env")
    choice = ["--main", main] if main else []
    stages = [part for stage in STAGES for part in ("--stage", stage)]
    done = run(*tool, "verify", "--root", root, "--python", python, *choice, *stages, "--json", "--quiet", timeout=1800)
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
    line = re.sub(r"\s+", " ", f"{row['stage']}: {row['name']}: {at}{row['detail']}")
    return line.replace(str(root), ".").replace(str(root.parent), "…")


def main() -> None:
    """Run all of them, keep each result as soon as it is there, and write the table if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--checkouts", type=Path, required=True)
    parser.add_argument("--scratch", type=Path, required=True)
    parser.add_argument("--only", default="", help="projects whose name, commit or class contains this")
    parser.add_argument("--new", action="store_true", help="only those that --scratch has no result of")
    parser.add_argument("--write", action="store_true", help="put the table into docs/verify-field.md")
    options = parser.parse_args()
    options.scratch.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("PYTHONPYCACHEPREFIX", str(options.scratch.resolve() / "bytecode"))
    kept = options.scratch / "results.json"
    results: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    for entry in PROJECTS:
        if options.only not in key(entry) or (options.new and key(entry) in results):
            continue
        result = measure(entry, options.corpus, options.checkouts, options.scratch)
        results[key(entry)] = asdict(result)
        kept.write_text(json.dumps(results, indent=1))
        print(result.repo, result.installed, result.stages, f"{result.seconds:.0f} s", *result.why[:4], sep="\n   ")
        sys.stdout.flush()
    if options.write:
        page = ROOT / "docs" / "verify-field.md"
        table = markdown({name: Result(**one) for name, one in results.items()})
        page.write_text(re.sub(r"(?m)(^\|.*\n)+", lambda _: table, page.read_text(encoding="utf-8"), count=1), "utf-8")


def key(entry: tuple[str, str, str, str]) -> str:
    return " ".join(entry[:3])


def markdown(results: dict[str, Result]) -> str:
    """The table, in the order of PROJECTS."""
    lines = [
        "| project | class | environment | " + " | ".join(STAGES) + " | what fails | whose fault |",
        "|---|---|---|" + "---|" * len(STAGES) + "---|---|",
    ]
    for entry in PROJECTS:
        one = results.get(key(entry))
        if one is not None:
            states = " | ".join(one.stages.get(stage, "–") for stage in STAGES)
            why = one.why[0][:160].replace("|", "\\|") if one.why else ""
            more = f" (and {len(one.why) - 1} more)" if len(one.why) > 1 else ""
            verdict = VERDICTS.get(key(entry), "") if one.why else ""
            name = f"{one.repo} `{one.commit}`"
            lines.append(f"| {name} | {one.kind} | {one.installed} | {states} | {why}{more} | {verdict} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
