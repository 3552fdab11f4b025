"""A plan for a person at a terminal: what happened per file, before and after, what is left, what next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from lk_migrate.model import Action, Finding, Plan

_COLOUR = {
    Action.REWRITTEN: "green",
    Action.REMOVED: "red",
    Action.MOVED: "cyan",
    Action.TODO: "yellow",
    Action.NOTE: "blue",
}


def show_findings(plan: Plan, console: Console, *, every: bool) -> None:
    """What was done, grouped by file: one line per rule and kind, or (`every`) one line per finding."""
    by_file: dict[str, list[Finding]] = {}
    for finding in plan.findings:
        by_file.setdefault(finding.place.path, []).append(finding)
    for path in sorted(by_file):
        console.print(Text(path, style="bold"))
        lines = _each(by_file[path]) if every else _grouped(by_file[path])
        for rule, action, where, message in lines:
            grid = Table.grid(padding=(0, 1))
            grid.add_column(width=7, no_wrap=True)
            grid.add_column(width=9, no_wrap=True)
            grid.add_column(overflow="fold")
            shown = Text(message) if not where else Text.assemble(message, (f"  {where}", "dim"))
            grid.add_row(f"  {rule}", Text(action.value, style=_COLOUR[action]), shown)
            console.print(grid)
    for skipped in plan.skipped:
        console.print(Text.assemble((skipped.path, "bold"), (f"\n  left as it is: {skipped.reason}", "yellow")))


def _each(findings: list[Finding]) -> Iterator[tuple[str, Action, str, str]]:
    for finding in sorted(findings, key=lambda f: (f.place.line, f.rule)):
        yield finding.rule, finding.action, f"line {finding.place.line}", finding.message


def _grouped(findings: list[Finding]) -> Iterator[tuple[str, Action, str, str]]:
    """Equal messages once, with their lines; notes and markers always one by one."""
    groups: dict[tuple[str, Action, str], list[int]] = {}
    for finding in findings:
        if finding.action is Action.NOTE:
            continue
        groups.setdefault((finding.rule, finding.action, finding.message), []).append(finding.place.line)
    by_rule: dict[tuple[str, Action], list[tuple[str, list[int]]]] = {}
    for (rule, action, message), lines in groups.items():
        by_rule.setdefault((rule, action), []).append((message, lines))
    for (rule, action), items in sorted(by_rule.items()):
        if action is Action.TODO or len(items) <= 3:
            for message, lines in items:
                yield rule, action, _lines(lines), message
        else:
            message, _ = items[0]
            total = [n for _, lines in items for n in lines]
            yield rule, action, _lines(total), f"{message} (and {len(items) - 1} more like it)"


def _lines(lines: list[int]) -> str:
    if len(lines) == 1:
        return f"line {lines[0]}"
    shown = ", ".join(map(str, sorted(set(lines))[:4]))
    return f"{len(lines)} places: lines {shown}{', …' if len(set(lines)) > 4 else ''}"


def show_summary(plan: Plan, console: Console, *, applied: bool) -> None:
    """Ten seconds' reading: before and after, gates, what is left, and the next command."""
    if plan.main is not None or plan.agents:
        table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
        table.add_column("")
        for name in ("before", "after"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("change")
        if plan.main is not None:
            main = plan.main
            rest = f"the rest lives in {', '.join(main.support)}" if main.support else "in place"
            table.add_row(main.path, f"{main.lines_before:,} lines", f"{main.lines_after:,} lines", rest)
        for agent in plan.agents:
            gate = f", gate of {agent.gate} removed" if agent.gate is not None else ""
            table.add_row(
                agent.name,
                f"{agent.lines_before:,} lines",
                f"{agent.lines_after:,} lines",
                f"{len(agent.tools)} tools{gate}",
            )
        console.print()
        console.print(table)
    counts = Counter(f.action for f in plan.findings)
    created = sum(c.before is None for c in plan.changes)
    changed = sum(c.before is not None and c.after is not None for c in plan.changes)
    deleted = sum(c.after is None for c in plan.changes)
    console.print()
    verb = "" if applied else "would be "
    files = [f"{changed} file{'s' * (changed != 1)} {verb}changed"]
    files += [f"{created} {verb}created"] if created else []
    files += [f"{deleted} {verb}deleted"] if deleted else []
    console.print(
        f"{', '.join(files)}: {counts[Action.REWRITTEN]} rewritten, {counts[Action.MOVED]} moved, "
        f"{counts[Action.REMOVED]} removed, {counts[Action.TODO]} left for you."
    )


def show_left(plan: Plan, console: Console) -> None:
    """What is left for a person, with file and line."""
    if not plan.todo:
        return
    console.print(f"\n[bold]Left for you ({len(plan.todo)}):[/bold] each has a marker in the code")
    for finding in plan.todo:
        place = finding.to or finding.place
        console.print(f"  [bold]{escape(str(place))}[/bold] {finding.rule}", highlight=False)
        console.print(Text(f"    {finding.message}"), highlight=False)
