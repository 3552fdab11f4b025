"""The files that `convert` writes for others: the HTML report, SARIF, the patch; and GitHub's annotations."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lk_migrate.cli.streams import Streams
from lk_migrate.model import FileChange, Finding, Plan, UserError
from lk_migrate.project.paths import display, reason


@dataclass(frozen=True)
class Outputs:
    """Where to write what; None: nowhere."""

    report: Path | None = None
    sarif: Path | None = None
    patch: Path | None = None
    github: bool = False

    def write(self, plan: Plan, present: Callable[[Plan], Sequence[Finding]], streams: Streams) -> None:
        """Write them. `present`: which findings are for tools that look at the files on the disk.

        The patch is the plan's; everything else shows no secret.

        Raises UserError for a file that cannot be written.
        """
        from lk_migrate.report.masked import masked

        shown = masked(plan)
        findings = present(shown)
        if self.report is not None:
            from lk_migrate.report.html import html

            write_file(self.report, html(shown).encode("utf-8", "replace"), streams)
        if self.sarif is not None:
            from lk_migrate.report.sarif import sarif

            write_file(self.sarif, json.dumps(sarif(findings), indent=1).encode(), streams)
        if self.patch is not None:
            from lk_migrate.report.diff import patch

            write_file(self.patch, patch(plan.changes), streams)
            warn_of_secrets(plan.changes, display(self.patch), streams)
        if self.github or os.environ.get("GITHUB_ACTIONS") == "true":
            from lk_migrate.report.github import workflow_commands

            # The runner reads both streams; stdout belongs to the result.
            for line in workflow_commands(findings):
                streams.command(line)


def warn_of_secrets(changes: Sequence[FileChange], patch: str, streams: Streams) -> None:
    """A patch that applies cannot be masked: say so when that matters."""
    from lk_migrate.report.masked import secret_lines

    found = secret_lines(changes)
    if found:
        places = ", ".join(map(str, found[:3])) + (", …" if len(found) > 3 else "")
        many = f"{len(found)} line{'s' * (len(found) != 1)} with a value that looks like a secret"
        streams.warn(f"{patch} has {many} ({places}), as it must to apply: keep it to yourself.")


def write_file(path: Path, data: bytes, streams: Streams) -> None:
    """Write a file that was asked for, and say so. Raises UserError when the disk refuses."""
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"{display(path)} cannot be written: {reason(error)}.") from error
    streams.say(f"wrote {display(path)}")
