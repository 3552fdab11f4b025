"""Verifies agents that use real plugins of other providers, in an environment made for it.

    python bench/providers.py --scratch DIR

`bench/providers/*.py` are the agents. The environment gets the real plugins through `uv`; their models are stood in
for, so that no key is needed and nobody's service is called. Exits 1 when a row fails.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
from pathlib import Path

from lk_migrate import TARGET
from lk_migrate.verify import Options, any_failed, verify
from lk_migrate.verify.show import as_line

APPS = Path(__file__).parent / "providers"
EXTRAS = "anthropic,assemblyai,azure,cartesia,deepgram,elevenlabs,google,groq,openai,silero,turn-detector"
STAGES = ("static", "console", "voice")


def environment(folder: Path) -> Path:
    """A Python with the plugins."""
    subprocess.run(["uv", "venv", "-q", "-p", "3.11", "--allow-existing", folder], check=True)
    python = folder / "bin" / "python"
    packages = [f"livekit-agents[{EXTRAS}]~={TARGET}.0", "livekit-plugins-noise-cancellation", "python-dotenv"]
    subprocess.run(["uv", "pip", "install", "-q", "-p", python, *packages], check=True)
    return python


def main() -> None:
    """Verify each, and say what happened."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scratch", type=Path, required=True)
    options = parser.parse_args()
    python = environment(options.scratch.resolve() / "env")
    failed = False
    for app in sorted(APPS.glob("*.py")):
        root = options.scratch.resolve() / app.stem
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        shutil.copyfile(app, root / "main.py")
        rows = list(verify(Options(root, python=str(python), stages=STAGES)))
        print(app.stem, *map(as_line, rows), sep="\n  ", flush=True)
        failed = failed or any_failed(rows)
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
