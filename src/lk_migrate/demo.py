"""`make demo`: the three commands on the clinic, on a copy, with what a person would see."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LEGACY = REPOSITORY / "fixtures" / "legacy" / "clinic"
COPY = REPOSITORY / "build" / "demo" / "clinic"


def step(*arguments: str, expect: tuple[int, ...] = (0,)) -> None:
    """Show a command, run it in the copy, and stop the demo when it fails.

    Raises SystemExit with the command's exit code.
    """
    print(f"\n$ lk-migrate {' '.join(arguments)}", flush=True)
    code = subprocess.run([sys.executable, "-m", "lk_migrate", *arguments], cwd=COPY, check=False).returncode
    if code not in expect:
        print(f"the demo stopped: `lk-migrate {' '.join(arguments)}` ended with {code}", file=sys.stderr)
        raise SystemExit(code)


def main() -> None:
    """Copy the clinic aside, back it up, convert it, verify it, and say how to talk to it."""
    if COPY.exists():
        shutil.rmtree(COPY)
    shutil.copytree(LEGACY, COPY, ignore=shutil.ignore_patterns("__pycache__", ".lk-migrate"))
    shown = COPY.relative_to(REPOSITORY)
    print(f"The clinic, a hand-grown voice agent, is copied to {shown}. Nothing else is touched.")
    step("backup")
    step("convert", "services/", expect=(0, 3))
    step("verify")
    print(f"\nTo talk to it: cd {shown} && python main.py console   (needs OPENAI_API_KEY and a microphone)")
    print(f"To take it all back: cd {shown} && lk-migrate restore")


if __name__ == "__main__":
    main()
