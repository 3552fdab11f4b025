"""Rules for a person at a terminal, and as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from lk_migrate.model import Edition, Safety
from lk_migrate.report.catalog import EDITIONS, SAFETY, RuleText
from lk_migrate.report.terminal import Page, prose, rule_id


def show_list(rules: Iterable[RuleText], console: Console) -> None:
    """One line per rule, under the edition that it is for."""
    page = Page(console)
    edition: Edition | None = None
    for rule in sorted(rules, key=lambda r: (list(Edition).index(r.edition), r.id)):
        if rule.edition is not edition:
            page.line("" if edition is None else "\n", (f"For {EDITIONS[rule.edition]}", "bold"))
            edition = rule.edition
        review = ("review", "yellow") if rule.safety is Safety.REVIEW else ("safe  ", "green")
        page.hanging(Text.assemble("  ", rule_id(rule.id), "  ", review, "  "), prose(rule.summary))


def explain(rule: RuleText, console: Console) -> None:
    """All that is known about one rule."""
    page = Page(console)
    page.hanging(Text.assemble(rule_id(rule.id), "  "), prose(rule.summary))
    page.line("")
    page.hanging("For     ", EDITIONS[rule.edition])
    page.hanging("Since   ", f"livekit-agents {rule.since}" if rule.since else "no release: it is about your own code")
    page.hanging("Safety  ", f"{rule.safety.value}: {SAFETY[rule.safety]}")
    for paragraph in rule.why.split("\n\n"):
        page.line("")
        _paragraph(paragraph, page)
    if rule.example:
        page.line(("\nExample", "bold"))
        for line in rule.example.splitlines():
            shown = Text("  " + line, style=_diff_style(line))
            if page.width is not None:
                shown.truncate(page.width, overflow="ellipsis")
            page.line(shown)
    page.line(("\nSwitch it off", "bold"))
    for line in rule.switch_off.splitlines():
        page.line("  " + line)
    page.line("")


def _paragraph(paragraph: str, page: Page) -> None:
    """Prose is filled; lists and tables stay as they were typed."""
    lines = paragraph.splitlines()
    if any(line.startswith((" ", "-", "*", "|")) for line in lines):
        for line in lines:
            page.hanging(" " * (len(line) - len(line.lstrip())), prose(line.strip()))
    else:
        page.hanging("", prose(" ".join(line.strip() for line in lines)))


def _diff_style(line: str) -> str:
    if line.startswith("+"):
        return "green"
    if line.startswith("-"):
        return "red"
    return "dim" if line.startswith(("@@", "# ")) else ""


def as_data(rule: RuleText) -> dict[str, Any]:
    """One rule for `--json`."""
    return {
        "id": rule.id,
        "summary": rule.summary,
        "why": rule.why,
        "edition": rule.edition.value,
        "safety": rule.safety.value,
        "since": rule.since or None,
        "example": rule.example or None,
    }
