"""The ledger for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from rich.console import Console
from rich.text import Text

from lk_migrate.model import Fate, LedgerEntry, Place
from lk_migrate.project.paths import display
from lk_migrate.report.ledger import came, stretches, sums, went
from lk_migrate.report.terminal import Page, prose, rule_id

_COLOUR = {Fate.KEPT: "", Fate.MOVED: "cyan", Fate.REWRITTEN: "green", Fate.REMOVED: "red", Fate.MARKER: "yellow"}
_BAR = 30
_BLOCK = {Fate.KEPT: "█", Fate.MOVED: "▓", Fate.REWRITTEN: "▒", Fate.REMOVED: "░", Fate.MARKER: "!"}


class Sources(Protocol):
    """A line of a file as it was or as it is; None when that is not known any more."""

    def __call__(self, path: str, line: int, *, new: bool) -> str | None: ...


def show_sums(ledger: Iterable[LedgerEntry], console: Console) -> None:
    """Each legacy file: how much of it was kept, moved, rewritten, removed, marked, and where it stands."""
    page = Page(console)
    for file in sums(ledger):
        page.line((display(file.path), "bold"), (f"  {file.total:,} lines of code and comment", "dim"))
        percent = file.percent()
        parts = [Text.assemble((f"{n}%", "bold"), f" {fate.value}") for fate, n in percent.items()]
        bar = Text()
        for fate, n in percent.items():
            bar.append(_BLOCK[fate] * round(n * _BAR / 100), style=_COLOUR[fate])
        page.hanging(Text.assemble("  ", bar, "  "), Text(", ").join(parts))
        page.hanging("  now in ", ", ".join(f"{display(path)} ({n:,})" for path, n in file.homes.items()) or "nothing")


def show_file(ledger: Sequence[LedgerEntry], path: str, console: Console) -> None:
    """The stretches of a legacy file, or what a new file is made of."""
    page = Page(console)
    mine = [e for e in ledger if e.place.path == path]
    if mine:
        page.line((f"{display(path)} as it was", "bold"))
        for entry in stretches(mine):
            page.hanging(f"  {_range(entry.place):>11}  ", _fate(entry))
    here = sorted((e for e in ledger if e.to and e.to.path == path and e.place.path != path), key=_target)
    if here:
        page.line((f"{display(path)} as it is: from elsewhere", "bold"))
        for entry in sorted(stretches(here), key=_target):
            assert entry.to is not None
            page.hanging(f"  {_range(entry.to):>11}  ", f"from {display(entry.place.path)}:{_range(entry.place)}")


def show_line(ledger: Sequence[LedgerEntry], path: str, line: int, sources: Sources, console: Console) -> None:
    """One line in both directions."""
    page = Page(console)
    forward, back = went(ledger, path, line), came(ledger, path, line)[:3]
    if forward or any(e.place.path == path for e in ledger):
        page.line((f"{display(path)}:{line} as it was", "bold"))
        _code(page, sources(path, line, new=False), line)
        if not forward:
            page.line("  a blank line")
        for entry in forward:
            page.hanging("  ", _fate(entry))
            if entry.to is not None:
                _code(page, sources(entry.to.path, entry.to.line, new=True), entry.to.line)
    if back or not forward:
        page.line((f"{display(path)}:{line} as it is", "bold"))
        _code(page, sources(path, line, new=True), line)
        if not back:
            page.line("  written by lk-migrate, or blank: no legacy line became this one")
        for entry in back:
            page.hanging("  ", Text.assemble("from ", (f"{display(entry.place.path)}:{_range(entry.place)}", "bold")))
            _code(page, sources(entry.place.path, entry.place.line, new=False), entry.place.line)


def _fate(entry: LedgerEntry) -> Text:
    text = Text(entry.fate.value, style=_COLOUR[entry.fate])
    if entry.to is not None:
        text.append(f" → {display(entry.to.path)}:{_range(entry.to)}", style="bold")
    if entry.rule:
        text = Text.assemble(text, "  ", rule_id(entry.rule))
    if entry.why:
        text = Text.assemble(text, "  ", prose(entry.why))
    return text


def _code(page: Page, line: str | None, number: int) -> None:
    if line is None:
        return
    text = Text.assemble((f"{number:>6} │ ", "dim"), "".join(c if c.isprintable() else " " for c in line))
    if page.width is not None:
        text.truncate(page.width, overflow="ellipsis")
    page.line(text)


def _range(place: Place) -> str:
    return str(place.line) if place.line == place.end_line else f"{place.line}–{place.end_line}"


def _target(entry: LedgerEntry) -> tuple[str, int]:
    return (entry.to.path, entry.to.line) if entry.to is not None else ("", 0)
