"""What the test bed in the person's Python observed (see child/lk_migrate_child/events.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lk_migrate.model import Place

Observation = dict[str, Any]


class Observations:
    """Reads the file that the test bed appends to.

    A line that is still being written is read the next time.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.all: list[Observation] = []
        self._read = 0
        file.touch()

    def refresh(self) -> list[Observation]:
        """Everything observed so far."""
        with self.file.open("rb") as stream:
            stream.seek(self._read)
            data = stream.read()
        whole = data[: data.rfind(b"\n") + 1]
        self._read += len(whole)
        self.all.extend(json.loads(line) for line in whole.splitlines())
        return self.all

    def of(self, event: str, since: int = 0) -> list[Observation]:
        """Observations of one kind, from the `since`-th of all on."""
        return [one for one in self.refresh()[since:] if one["event"] == event]


def place_of(observation: Observation) -> Place | None:
    """Where in the project it happened, if that is known."""
    path, line = observation.get("path"), observation.get("line")
    return Place(path, line, line) if isinstance(path, str) and isinstance(line, int) else None
