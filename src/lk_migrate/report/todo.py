"""What is left for a person or a coding assistant: one item per marker, with what it needs to be done.

An item is open as long as its marker stands in the code; who deletes the marker says that it is done.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lk_migrate import TARGET
from lk_migrate.facts.source_lines import source_lines
from lk_migrate.model import Place
from lk_migrate.report.blocks import block
from lk_migrate.report.catalog import catalog
from lk_migrate.rewrite.locate import Marker, find_markers

#: Beginning of a rule's id → the stages of `verify` that would show a mistake there, the quickest first.
_STAGES = {
    "LK10": "static parity console",
    "LK11": "static parity console",
    "LK12": "static parity console",
    "LK15": "static console worker",
    "LK21": "static parity console",
    "LK24": "static console voice",
    "LK26": "static console voice",
    "LK30": "static console voice",
    "LK31": "static console voice",
    "LK34": "static console worker",
    "LK4": "static",
}


@dataclass(frozen=True)
class Item:
    """`place` is the marker in today's files, None when it is gone. `old` is the legacy code, "" if not recorded."""

    number: int
    rule: str
    wanted: str
    place: Place | None
    code: str
    was: Place | None
    old: str

    @property
    def done(self) -> bool:
        return self.place is None

    @property
    def summary(self) -> str:
        return catalog()[self.rule].summary if self.rule in catalog() else ""

    @property
    def tried(self) -> str:
        """What the conversion did at the place, and why it stopped."""
        rule = f"{self.rule} ({self.summary.rstrip('.')})" if self.summary else self.rule
        if not self.old:
            return f"{rule} did not act here: what is right depends on what only you know."
        if _bare(self.old) == _bare(self.code):
            return f"{rule} left the statement as it was: what is right depends on what only you know."
        return (
            f"The statement was rewritten as far as the rules are sure (compare the code before with the code now); "
            f"{rule} left the rest."
        )

    @property
    def check(self) -> str:
        """The command that shows whether it is done right."""
        found = next((stages for start, stages in _STAGES.items() if self.rule.startswith(start)), "static console")
        return f"lk-migrate verify {' '.join(f'--stage {s}' for s in found.split())} && lk-migrate todo --check"

    @property
    def facts(self) -> str:
        """What to know about the new API."""
        return catalog()[self.rule].why if self.rule in catalog() else ""


def items(files: Mapping[str, str], recorded: Iterable[Mapping[str, Any]]) -> list[Item]:
    """The markers in the files (path → text), each with what the conversion wrote down about it; then what is done."""
    markers = [m for path in sorted(files) for m in find_markers(path, files[path])]
    left = list(recorded)
    found: list[Item] = []
    for marker in markers:
        match = _recorded(marker, left)
        if match is not None:
            left.remove(match)
        found.append(_item(len(found) + 1, marker, files[marker.place.path], match))
    for entry in left:
        was = entry["place"]
        place = Place(was["path"], was["line"], was["end_line"])
        found.append(Item(len(found) + 1, entry["rule"], entry["message"], None, "", place, entry["code"]))
    return found


def _recorded(marker: Marker, left: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The entry of the record for this marker: the same words, and the nearest of several."""
    same = [e for e in left if e["rule"] == marker.rule and _bare(e["message"]) == _bare(marker.message)]
    return min(same, key=lambda e: _distance(e["to"], marker.place), default=None)


def _distance(to: Mapping[str, Any] | None, place: Place) -> tuple[bool, int]:
    return (to is None or to["path"] != place.path, abs(to["line"] - place.line) if to is not None else 0)


def _bare(text: str) -> str:
    return "".join(text.split())


def _item(number: int, marker: Marker, text: str, entry: Mapping[str, Any] | None) -> Item:
    lines = source_lines(text)
    start = marker.place.end_line
    while start < len(lines) and lines[start].lstrip().startswith("#"):
        start += 1  # other remarks at the same statement
    was = Place(entry["place"]["path"], entry["place"]["line"], entry["place"]["end_line"]) if entry else None
    return Item(
        number, marker.rule, marker.message, marker.place, block(lines, start), was, entry["code"] if entry else ""
    )


def as_data(found: Iterable[Item]) -> list[dict[str, Any]]:
    """For `--format json`."""
    return [
        {
            "number": item.number,
            "done": item.done,
            "rule": item.rule,
            "file": item.place.path if item.place else None,
            "line": item.place.line if item.place else None,
            "wanted": item.wanted,
            "code": item.code,
            "was": str(item.was) if item.was else None,
            "old_code": item.old,
            "summary": item.summary,
            "tried": item.tried,
            "facts": item.facts,
            "check": item.check,
        }
        for item in found
    ]


def markdown(found: Iterable[Item]) -> str:
    """A checklist that reads well in an issue: the items, and below them what each rule's API is now."""
    parts = ["# Left after lk-migrate\n"]
    rules: dict[str, Item] = {}
    for item in found:
        where = str(item.place) if item.place else "done"
        parts.append(f"- [{'x' if item.done else ' '}] **{where}** ({item.rule}) {item.wanted}")
        if item.done:
            continue
        rules.setdefault(item.rule, item)
        parts.append(f"\n{_fenced(item.code, '  ')}\n")
        if item.old and _bare(item.old) != _bare(item.code):
            parts.append(f"  Before the conversion ({item.was}):\n\n{_fenced(item.old, '  ')}\n")
        parts.append(f"  Tried: {item.tried}\n\n  Check: `{item.check}`\n")
    if len(parts) == 1:
        parts.append("Nothing is left.")
    if rules:
        parts.append("## The API now\n")
        parts += [f"**{rule}** {item.summary}\n\n{item.facts}\n" for rule, item in rules.items() if item.facts]
    return "\n".join(parts).rstrip("\n") + "\n"


_TASK = """\
This Python project was converted to LiveKit Agents {target} by lk-migrate. What
could not be converted by rule is left to you: {count}, each below a comment
`# TODO(lk-migrate RULE): …` in the code.

Work on them one by one. For each: read the code around the marker, make the
change that is wanted, keep what the old code did for the caller, then delete
the marker with its comment lines. Change nothing else. If you cannot tell what
the old behaviour was for, ask instead of guessing.

When all are done, run `lk-migrate todo --check` (no marker may be left) and
`lk-migrate verify` (it must start, answer and call every tool).
"""


def prompt(found: Iterable[Item]) -> str:
    """Instructions for a coding assistant: the task, the rules of the house, the items with facts and checks."""
    todo = [item for item in found if not item.done]
    if not todo:
        return "Nothing is left to do after lk-migrate.\n"
    parts = [
        _TASK.format(target=TARGET, count=f"{len(todo)} place{'s' * (len(todo) != 1)}"),
    ]
    said: set[str] = set()
    for item in todo:
        parts.append(f"## {item.number}. {item.place} ({item.rule})\n")
        parts.append(f"Wanted: {item.wanted}\n")
        parts.append(f"The code now, below the marker:\n{_fenced(item.code)}\n")
        if item.old:
            parts.append(f"The code before the conversion ({item.was}):\n{_fenced(item.old)}\n")
        parts.append(f"What was tried: {item.tried}\n")
        if item.rule not in said:
            parts.append(f"Facts about the API:\n\n{item.facts}\n")
            said.add(item.rule)
        parts.append(f"Check: `{item.check}`\n")
    return "\n".join(parts)


def _fenced(code: str, indent: str = "") -> str:
    fence = "```"
    while fence in code:
        fence += "`"
    return "\n".join(indent + line for line in [f"{fence}python", *code.splitlines(), fence])
