"""The lines of source that a finding is about, with what is meant underlined."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.text import Text

from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import Action, FileChange, Finding, Plan
from lk_migrate.rewrite.locate import text

_ENDS = " \t:,"


@dataclass(frozen=True)
class Excerpt:
    """One line of a file; `start` and `end` are 0-based columns of what is meant."""

    path: str
    number: int
    line: str
    start: int
    end: int


class Sources:
    """Lines of the files as they were and as they are to be."""

    def __init__(self, plan: Plan) -> None:
        self._changes = {c.path: c for c in plan.changes}
        self._split: dict[tuple[str, bool], list[str]] = {}

    def excerpt(self, finding: Finding) -> Excerpt | None:
        """The legacy line of a finding; for what is left to a person, the line below the marker in the new file."""
        place = finding.place
        old = self.lines(place.path, new=False)
        if not 0 < place.line <= len(old):
            return None
        line = old[place.line - 1]
        start = finding.column if line[finding.column :].strip() else len(line) - len(line.lstrip())
        end = max(start + 1, len(_without_comment(line).rstrip(_ENDS)))
        if finding.action is not Action.TODO or finding.to is None:
            return Excerpt(place.path, place.line, line, start, end)
        return self._below(finding, line[start:end]) or Excerpt(place.path, place.line, line, start, end)

    def _below(self, finding: Finding, meant: str) -> Excerpt | None:
        assert finding.to is not None
        new = self.lines(finding.to.path, new=True)
        number = finding.to.end_line + 1
        while number <= len(new) and new[number - 1].lstrip().startswith("#"):
            number += 1  # other markers at the same statement
        if number > len(new):
            return None
        line = new[number - 1]
        start = line.find(meant)
        if start < 0:
            start, end = len(line) - len(line.lstrip()), len(_without_comment(line).rstrip(_ENDS))
        else:
            end = start + len(meant)
        return Excerpt(finding.to.path, number, line, start, max(start + 1, end))

    def lines(self, path: str, *, new: bool) -> list[str]:
        """Of a file that changes; nothing for one that does not."""
        if (path, new) not in self._split:
            change = self._changes.get(path)
            self._split[path, new] = _lines(change, new) if change is not None else []
        return self._split[path, new]


def _lines(change: FileChange, new: bool) -> list[str]:
    return source_lines(text(change.after if new else change.before))


def _without_comment(line: str) -> str:
    code, mark, _ = line.partition("  #")
    return code if mark and code.strip() else line


def drawn(excerpt: Excerpt, width: int | None, style: str) -> list[Text]:
    """The line with its number, and carets below what is meant; cut where the terminal ends."""
    margin = f"{excerpt.number:>6} │ "
    line = _printable(excerpt.line)
    carets = " " * cell_len(line[: excerpt.start]) + "^" * max(1, cell_len(line[excerpt.start : excerpt.end]))
    code = Text.assemble((margin, "dim"), line)
    below = Text.assemble((" " * 7 + "│ ", "dim"), (carets, style))
    for shown in (code, below):
        if width is not None:
            shown.truncate(width, overflow="ellipsis" if shown is code else "crop")
    return [code, below]


def _printable(line: str) -> str:
    """As many characters as before, none of which moves the cursor."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in line)
