"""What is left, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from lk_migrate.project.paths import display
from lk_migrate.report.terminal import Page, prose, rule_id
from lk_migrate.report.todo import Item


def show_items(found: Sequence[Item], console: Console) -> None:
    """Open ones with their place and what is wanted, done ones in a line, the count last."""
    page = Page(console)
    for item in found:
        if item.place is None:
            page.hanging(Text.assemble(("done  ", "green"), rule_id(item.rule), "  "), f"was at {item.was}")
            continue
        where = f"{display(item.place.path)}:{item.place.line}"
        page.line(("open  ", "yellow"), rule_id(item.rule), "  ", (where, "bold"))
        page.hanging("      ", prose(item.wanted))
    still = sum(not item.done for item in found)
    if not found:
        page.line("Nothing is left: there is no marker in the code.")
    else:
        page.line(f"{still} open, {len(found) - still} done." if still else f"All {len(found)} done.")
