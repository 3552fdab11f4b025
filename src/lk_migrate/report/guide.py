"""What the guided run says and offers, from what is known about a project. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rich.console import Console

from lk_migrate.model import Edition, Plan
from lk_migrate.project.paths import display
from lk_migrate.report.terminal import Page, show_summary
from lk_migrate.report.verified import Verified

_NAMES = {
    Edition.HANDROLLED: "hand-rolled agents",
    Edition.V0: "LiveKit Agents 0.x",
    Edition.V1: "early LiveKit Agents 1.x",
}


@dataclass(frozen=True)
class Situation:
    """Where a project stands. `converted`: it was, here; `open_items`: markers in the code; `seen`: the diff was."""

    plan: Plan
    files: int
    converted: bool = False
    verified: Verified | None = None
    open_items: int = 0
    seen: bool = False


@dataclass(frozen=True)
class Offer:
    """A next step: what it is for, and the command that does it."""

    text: str
    command: tuple[str, ...]


def offers(now: Situation) -> list[Offer]:
    """The next steps, the likeliest first; before anything was looked at, that is one that writes nothing."""
    if now.plan.changes:
        look = Offer("see the changes (writes nothing)", ("convert", "--diff"))
        convert = Offer("convert (keeps a backup first)", ("convert",))
        ask = Offer("convert, asking place by place", ("convert", "--interactive"))
        page = Offer("the changes as an HTML page", ("convert", "--dry-run", "--report", "preview.html"))
        return [convert, ask, look, page] if now.seen else [look, convert, ask, page]
    if not now.converted and not now.open_items:
        return [Offer("what could be converted", ("rules",))]
    return list(_after(now))


def _after(now: Situation) -> Iterator[Offer]:
    runs = now.verified is not None and not now.verified.outdated and not now.verified.failed
    if not runs:
        yield Offer("verify that it runs", ("verify",))
    if now.open_items:
        yield Offer("what is left for you", ("todo",))
    if now.converted:
        yield Offer("all of it as an HTML page", ("report",))
    yield Offer("write tests for the agents", ("tests",))
    if runs:
        yield Offer("verify again", ("verify",))
    if now.converted:
        yield Offer("what restore would bring back", ("restore", "--dry-run"))


def show_situation(now: Situation, console: Console) -> None:
    """What was found, and what would be done or is left to do."""
    page, plan = Page(console), now.plan
    found = sorted({e for editions in plan.editions.values() for e in editions}, key=list(Edition).index)
    names = " and ".join(_NAMES[e] for e in found if e in _NAMES)
    count = f"{now.files:,} file{'s' * (now.files != 1)} read"
    page.line((display(plan.root), "bold"))
    if plan.changes:
        what = f"{count}; {len(plan.editions)} of them for {names}." if names else f"{count}."
        page.hanging("", f"{what} Converting it would come to this:")
        page.line("")
        show_summary(plan, console, applied=False)
        return
    if not now.converted and not now.open_items:
        nothing = "no hand-rolled agent and no old LiveKit API. Start it in the folder of your project."
        page.hanging("", f"{count}; {nothing}")
        return
    page.hanging("", f"{count}; nothing is left to convert.")
    page.hanging("  ", _verified(now))
    if now.open_items:
        page.hanging("  ", f"{now.open_items} marker{'s' * (now.open_items != 1)} in the code: left for you.")


def show_offers(found: list[Offer], console: Console) -> None:
    """Numbered, with the command that each stands for."""
    page = Page(console)
    page.line("")
    wide = max(len(offer.text) for offer in found)
    for number, offer in enumerate(found, 1):
        page.line((f"  {number}  ", "bold"), f"{offer.text.ljust(wide)}  ", (" ".join(offer.command), "cyan"))
    page.line(("  q  ", "bold"), "quit")


def _verified(now: Situation) -> str:
    if not now.converted:
        return "It was not converted here."
    if now.verified is None:
        return "It was converted here, and not verified yet."
    if now.verified.outdated:
        return "It was converted and verified here, and edited since."
    failed = now.verified.failed
    return (
        f"It was converted here; {failed} checks failed." if failed else "It was converted here, and it was verified."
    )
