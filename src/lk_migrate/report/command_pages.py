"""docs/commands.md from the commands' own help: `python -m lk_migrate.report.command_pages` writes it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

PAGE = Path(__file__).parents[3] / "docs" / "commands.md"

_HEAD = """\
# Commands

<!-- Written by `python -m lk_migrate.report.command_pages` from `--help`: change that. -->

Results go to stdout, messages and progress to stderr; colour only where a terminal is (`NO_COLOR` and `CI` count).
Settings of a project stand under `[tool.lk-migrate]` in its pyproject.toml: `select`, `ignore`, `exclude` (lists),
`per-file-ignores` (patterns → rules), `main`, `jobs`, `python`; a flag beats a setting.
"""


def page() -> str:
    """The whole of docs/commands.md."""
    from lk_migrate.cli.app import COMMANDS, build, load_command

    os.environ["COLUMNS"] = "80"
    group = build()
    texts = [("lk-migrate", group.get_help(group.make_context("lk-migrate", [], resilient_parsing=True)))]
    for name in COMMANDS:
        command = load_command(name)
        context = command.make_context(f"lk-migrate {name}", [], resilient_parsing=True)
        texts.append((f"lk-migrate {name}", command.get_help(context)))
    parts = [f"\n## {title}\n\n```text\n{_trimmed(text)}\n```\n" for title, text in texts]
    return _HEAD + "".join(parts)


def _trimmed(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines())


if __name__ == "__main__":
    sys.exit(0 if PAGE.write_text(page(), encoding="utf-8") else 1)
