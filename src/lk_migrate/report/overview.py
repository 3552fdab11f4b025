"""What `scan` shows: one row per file that has something to do."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.text import Text

from lk_migrate.model import Action, Edition, Finding, Plan
from lk_migrate.project.paths import display
from lk_migrate.report.terminal import Page, rule_id, show_summary

_NAMES = {Edition.HANDROLLED: "hand-rolled", Edition.V0: "0.x", Edition.V1: "early 1.x", Edition.CURRENT: "1.8"}


def show_overview(plan: Plan, files: int, console: Console) -> None:
    """Editions, rules and counts per file, then what convert would come to."""
    page = Page(console)
    of: dict[str, list[Finding]] = {}
    for finding in plan.findings:
        of.setdefault(finding.place.path, []).append(finding)
    rows = sorted(of)
    page.line((display(plan.root), "bold"), f": {files} files read, {len(rows) or 'none'} with something to say")
    page.line("")
    for path in rows:
        findings = of[path]
        kinds = Counter(f.action for f in findings)
        left, notes = kinds[Action.TODO], kinds[Action.NOTE]
        counted = [f"{len(findings) - left - notes} automatic"] if len(findings) > left + notes else []
        edition = " + ".join(_NAMES[e] for e in plan.editions.get(path, ()))
        line = Text.assemble((display(path), "bold"), (f"  {edition}" if edition else "", "cyan"))
        line.append(f"  {', '.join(counted)}" if counted else "", style="green")
        line.append(f"  {left} for you" if left else "", style="yellow")
        line.append(f"  {notes} to know" if notes else "", style="blue")
        page.hanging("", line)
        rules = Text(" ").join(
            Text.assemble(rule_id(rule), (f"×{n}" if n > 1 else "", "dim"))
            for rule, n in sorted(Counter(f.rule for f in findings).items())
        )
        page.hanging("  ", rules)
    for skipped in plan.skipped:
        page.hanging(Text.assemble((display(skipped.path), "bold"), "  "), Text(skipped.reason, style="yellow"))
    if rows or plan.skipped:
        page.line("")
    if plan.changes:
        show_summary(plan, console, applied=False)
    else:
        page.line("There is nothing to convert" + ("." if plan.speaks_of_livekit else f": {plan.why_nothing}"))
