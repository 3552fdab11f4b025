"""Faults sown into the converted clinic, one at a time, and which stage of `verify` finds each.

    python bench/faults.py [--only NAME] [--write]

Stages are asked from the cheapest on until one finds the fault: fails where the sound project does not. `--write`
puts the table into docs/verify-faults.md. Some eight minutes on two idle cores (an estimate).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.verify import Options, Row, Status, verify

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("static", "parity", "console", "voice", "worker")
ASSISTANT, RAG = "services/assistant.py", "services/rag_assistant.py"


@dataclass(frozen=True)
class Fault:
    """One change to the converted project: `old` stands in `file` and is replaced, the first time or everywhere."""

    name: str
    file: str
    old: str
    new: str
    everywhere: bool = False


FAULTS = (
    Fault("a tool is renamed", ASSISTANT, "async def provide_email(", "async def provide_mail("),
    Fault(
        "a tool is no tool any more",
        ASSISTANT,
        "@function_tool\n    async def provide_phone",
        "async def provide_phone",
    ),
    Fault("an argument is dropped", RAG, "notes: str, append: bool = False)", "notes: str)"),
    Fault("an argument loses its annotation", ASSISTANT, "ctx: RunContext, phone: str)", "ctx: RunContext, phone)"),
    Fault(
        "an argument gets another type",
        ASSISTANT,
        "choose_slot(self, ctx: RunContext, option: str)",
        "choose_slot(self, ctx: RunContext, option: int)",
    ),
    Fault("a default is another one", ASSISTANT, "max_options: int = 6", "max_options: int = 1"),
    Fault("state is not saved", ASSISTANT, "self._phone = digits", "pass"),
    Fault("state is not initialised", ASSISTANT, 'self._notes: str = ""', "pass"),
    Fault("a condition is turned round", ASSISTANT, "if not self._email_ok(cleaned)", "if self._email_ok(cleaned)"),
    Fault("a helper returns nothing", ASSISTANT, "return missing\n", "pass\n"),
    Fault("an `await` is missing", RAG, "entries = await self.kb.search", "entries = self.kb.search"),
    Fault("a tool is no coroutine", ASSISTANT, "async def confirm_details_yes", "def confirm_details_yes"),
    Fault("an import is gone", ASSISTANT, "from zoneinfo import ZoneInfo\n", ""),
    Fault("the answer's text differs", RAG, "Ask for the day.", "Ask for a day."),
    Fault("an exception is swallowed", ASSISTANT, "except CalendarUnavailable:", "except Exception:"),
    Fault("the instructions are lost", RAG, 'instructions=f"{instructions}\\n{KB_RULES}"', 'instructions=""'),
    Fault("a deprecated argument comes back", "main.py", "vad=call.vad,", "vad=call.vad, min_endpointing_delay=0.5,"),
    Fault("the greeting is gone", "call_flow.py", "        await session.generate_reply()\n", "        pass\n"),
    Fault("the voice activity detector is left out", "main.py", "vad=call.vad,", "vad=None,"),
    Fault("the voice is left out", "main.py", "tts=call.tts,", "tts=None,"),
    Fault(
        "it waits for a telephone",
        "main.py",
        "    choose_models(call)\n",
        "    choose_models(call)\n    await ctx.wait_for_participant(identity='sip')\n",
    ),
    Fault(
        "prewarming fails", "main.py", "silero.VAD.load(min_silence_duration=0.4,", "silero.VAD.load(min_silence=0.4,"
    ),
)


def convert(to: Path) -> Path:
    """A converted clinic."""
    root = to / "clinic"
    shutil.copytree(ROOT / "fixtures" / "legacy" / "clinic", root)
    done = subprocess.run(
        [sys.executable, "-m", "lk_migrate", "convert", "services/", "--root", str(root)],
        capture_output=True,
        text=True,
    )
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return root


def failures(root: Path, stage: str) -> dict[tuple[str, str], Row]:
    """What fails in a stage, by row and kind."""
    rows = verify(Options(root, stages=(stage,), timeout=120))
    return {(row.name, row.detail.split(":")[0]): row for row in rows if row.status is Status.FAILED}


def sow(fault: Fault, root: Path) -> None:
    file = root / fault.file
    text = file.read_text()
    if fault.old not in text:
        raise SystemExit(f"{fault.name}: {fault.old!r} is not in {fault.file} any more")
    file.write_text(text.replace(fault.old, fault.new, -1 if fault.everywhere else 1))


def hunt(fault: Fault, sound: Path, usual: dict[str, set[tuple[str, str]]], scratch: Path) -> tuple[str, str]:
    """The stage that finds a fault, and what it says; two empty strings when none does."""
    root = scratch / "sown" / "clinic"
    shutil.rmtree(root.parent, ignore_errors=True)
    shutil.copytree(sound, root)
    sow(fault, root)
    for stage in STAGES:
        if stage not in usual:
            usual[stage] = set(failures(sound, stage))
        new = [row for key, row in failures(root, stage).items() if key not in usual[stage]]
        if new:
            return stage, f"{new[0].name}: {new[0].detail}"
    return "", ""


def table(found: list[tuple[Fault, str, str]]) -> str:
    """The page."""
    caught = sum(bool(stage) for _, stage, _ in found)
    lines = [
        "# Seeded faults",
        "",
        "Each fault is put into the converted clinic alone. Named is the first stage of `lk-migrate verify` that",
        f"fails where it does not on the sound project, cheapest stages first ({', '.join(STAGES)}), and its row.",
        "Made by `python bench/faults.py --write`.",
        "",
        f"{caught} of {len(found)} are found.",
        "",
        "| fault | found by | the row |",
        "|---|---|---|",
    ]
    for fault, stage, said in found:
        said = " ".join(said.split()).replace("|", "\\|")
        lines.append(f"| {fault.name} | {stage or '**missed**'} | {said[:160]} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run, show, and write if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="faults whose name contains this")
    parser.add_argument("--write", action="store_true", help="write docs/verify-faults.md")
    options = parser.parse_args()
    found: list[tuple[Fault, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="lk-migrate-faults-") as folder:
        os.environ.setdefault("PYTHONPYCACHEPREFIX", f"{folder}/bytecode")  # what all import is compiled once
        sound, usual = convert(Path(folder)), {}
        for fault in FAULTS:
            if options.only and options.only not in fault.name:
                continue
            begun = time.monotonic()
            stage, said = hunt(fault, sound, usual, Path(folder))
            found.append((fault, stage, said))
            print(f"{stage or 'MISSED':8} {fault.name} ({time.monotonic() - begun:.0f} s): {said[:150]}", flush=True)
    if options.write:
        (ROOT / "docs" / "verify-faults.md").write_text(table(found), encoding="utf-8")


if __name__ == "__main__":
    main()
