"""A plan for a person at a terminal: what happened per file, before and after, what is left.

On a terminal lines are wrapped with hanging indents; in a pipe nothing is wrapped, so that one remark is one line.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Console
from rich.style import Style
from rich.text import Text

from lk_migrate.model import Action, Fate, Finding, Place, Plan
from lk_migrate.project.paths import display
from lk_migrate.report.catalog import catalog, page_here
from lk_migrate.report.data import kind_of
from lk_migrate.report.excerpt import Sources, drawn

_COLOUR = {
    Action.REWRITTEN: "green",
    Action.REMOVED: "red",
    Action.MOVED: "cyan",
    Action.TODO: "yellow",
    Action.NOTE: "blue",
}
_DONE = {"changed": "changed", "created": "created", "deleted": "deleted"}
_WOULD = {"changed": "to change", "created": "to create", "deleted": "to delete"}
_QUOTED = re.compile(r"`[^`]+`")


class Page:
    """Where it is written: a terminal of so many columns, or a pipe."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.width = console.width if console.is_terminal else None

    def line(self, *parts: str | Text | tuple[str, str]) -> None:
        text = Text.assemble(*parts)
        text.rstrip()
        if self.width is None:  # (as rich would write it, which would take as long as a file's conversion for a page)
            self.console.file.write(f"{text.plain}\n")
        else:
            self.console.print(text, soft_wrap=True)

    def hanging(self, first: Text | str, rest: Text | str) -> None:
        """`rest` behind `first`, its further lines indented as far."""
        head, body = Text.assemble(first), Text.assemble(rest)
        if self.width is None:
            self.line(head, body)
            return
        room = max(20, self.width - head.cell_len)
        for i, line in enumerate(body.wrap(self.console, room)):
            self.line(head if i == 0 else " " * head.cell_len, line)


def prose(message: str) -> Text:
    """A message with its `code` set off."""
    text = Text(message)
    text.highlight_regex(_QUOTED, "cyan")
    return text


def rule_id(rule: str) -> Text:
    """The id; a link to its explanation where the terminal follows links."""
    address = page_here(rule)
    return Text(rule, style=Style(bold=True, link=address) if address else Style(bold=True))


def show_findings(plan: Plan, console: Console, *, every: bool) -> None:
    """What was done, grouped by file: one line per rule, or (`every`) every place with its source."""
    page = Page(console)
    sources = Sources(plan)
    changed = {c.path: c for c in plan.changes}
    for path, findings in _by_file(plan.findings).items():
        done = findings if every else [f for f in findings if f.action not in (Action.NOTE, Action.TODO)]
        if not done:
            continue
        size = ""
        if path in changed and changed[path].before is not None and changed[path].after is not None:
            size = f"  {_count(changed[path].before):,} → {_count(changed[path].after):,} lines"
        page.line((display(path), "bold"), (size, "dim"))
        if every:
            _each(done, page, sources)
        else:
            _per_rule(done, page)
        page.line("")
    for skipped in plan.skipped:
        page.hanging(Text.assemble((display(skipped.path), "bold"), "  "), Text(skipped.reason, style="yellow"))
        page.line("")


def _by_file(findings: Iterable[Finding]) -> dict[str, list[Finding]]:
    files: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda f: (f.place.path, f.place.line, f.rule, f.message)):
        files.setdefault(finding.place.path, []).append(finding)
    return files


def _per_rule(findings: Sequence[Finding], page: Page) -> None:
    for rule, count in sorted(Counter(f.rule for f in findings).items()):
        mine = [f for f in findings if f.rule == rule]
        summary = catalog()[rule].summary if rule in catalog() else mine[0].message
        said = mine[0].message if count == 1 else summary
        page.hanging(Text.assemble("  ", rule_id(rule), (f" {count:>4}  ", "green")), prose(said))


def _each(findings: Sequence[Finding], page: Page, sources: Sources) -> None:
    for finding in findings:
        head = Text.assemble(
            "  ", rule_id(finding.rule), "  ", (f"{finding.action.value:<9}", _COLOUR[finding.action]), "  "
        )
        page.hanging(head, prose(finding.message))
        _show_source(finding, page, sources)


def _show_source(finding: Finding, page: Page, sources: Sources) -> None:
    excerpt = sources.excerpt(finding)
    if excerpt is None:
        page.line((f"   --> {finding.to or finding.place}", "dim"))
        return
    where = f"{display(excerpt.path)}:{excerpt.number}:{excerpt.start + 1}"
    page.hanging(Text("   --> ", style="dim"), Text(where + _elsewhere(finding), style="dim"))
    for line in drawn(excerpt, page.width, _COLOUR[finding.action]):
        page.line(line)


def _elsewhere(finding: Finding) -> str:
    """Where it went, for what did not stay at its line."""
    to = finding.to
    if to is None or finding.action is Action.TODO or str(to) == str(finding.place):
        return ""
    return f"  now {display(to.path)}:{to.line}" if to.path != finding.place.path else f"  now line {to.line}"


def show_summary(plan: Plan, console: Console, *, applied: bool) -> None:
    """Ten seconds' reading: sizes before and after, gates, what happened to how many files and places."""
    page = Page(console)
    rows = list(_sizes(plan))
    if rows:
        _table(("", "before", "after", "change"), rows, page)
        page.line("")
    counts = Counter(f.action for f in plan.findings)
    kinds = Counter(kind_of(change) for change in plan.changes)
    words = _DONE if applied else _WOULD
    files = ", ".join(f"{kinds[kind]} {word}" for kind, word in words.items() if kinds[kind]) or "nothing to change"
    page.hanging(Text("Files   ", style="bold"), files)
    parts = [f"{counts[a]} {a.value}" for a in (Action.REWRITTEN, Action.REMOVED) if counts[a]]
    moved = moved_lines(plan)
    parts += [f"{moved:,} lines moved word for word"] if moved else []
    places = ", ".join(parts)
    if places:
        page.hanging(Text("Places  ", style="bold"), places)
    page.hanging(Text("Left    ", style="bold"), _left(plan))


def moved_lines(plan: Plan) -> int:
    """Lines of code and comment that stand in another file as they were."""
    return sum(e.place.end_line - e.place.line + 1 for e in plan.ledger if e.fate is Fate.MOVED)


def _left(plan: Plan) -> Text:
    if not plan.todo:
        return Text("nothing", style="green")
    spots = sorted({f.to or f.place for f in plan.todo}, key=lambda p: (p.path, p.line))
    more = f", and {len(spots) - 8} more" if len(spots) > 8 else ""
    return Text.assemble((f"{len(plan.todo)} for you: ", "yellow"), where(spots[:8]), more)


def _sizes(plan: Plan) -> Iterator[tuple[str, str, str, str]]:
    if plan.main is not None:
        main = plan.main
        yield main.path, f"{main.lines_before:,} lines", f"{main.lines_after:,} lines", main.rest
    for agent in plan.agents:
        tools = f"{len(agent.tools)} tool{'s' * (len(agent.tools) != 1)}"
        gate = f", turn gate of {agent.gate} removed" if agent.gate is not None and _gate_gone(plan, agent.path) else ""
        yield agent.name, f"{agent.lines_before:,} lines", f"{agent.lines_after:,} lines", tools + gate


def _gate_gone(plan: Plan, path: str) -> bool:
    """Whether a gate was taken out, here or in a base class's file; a gate that is left has a marker."""
    left = any(f.rule == "LK101" and f.place.path == path for f in plan.todo)
    return not left and any(f.rule == "LK101" and f.action is Action.REMOVED for f in plan.findings)


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], page: Page) -> None:
    """Columns of text: the first on the left, numbers on the right, the last wrapped."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header) - 1)]
    for row in (header, *rows):
        style = "dim" if row is header else ""
        head = Text(row[0].ljust(widths[0]), style="dim" if row is header else "bold")
        for i in range(1, len(header) - 1):
            head.append("  " + row[i].rjust(widths[i]), style=style)
        page.hanging(Text.assemble(head, "  "), Text(row[-1], style=style))


def show_notes(plan: Plan, console: Console) -> None:
    """What is worth knowing and leaves nothing to do; what is said of many names, once."""
    page = Page(console)
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in plan.findings:
        if finding.action is Action.NOTE:
            groups.setdefault((finding.rule, _QUOTED.sub("`…`", finding.message)), []).append(finding)
    if not groups:
        return
    page.line(("Worth knowing", "bold"))
    for (rule, _), findings in sorted(groups.items()):
        more = f"  and {len(findings) - 1} more like it" if len(findings) > 1 else ""
        page.line("  ", rule_id(rule), "  ", where([findings[0].to or findings[0].place]), (more, "dim"))
        page.hanging("    ", prose(findings[0].message))
    page.line("")


def show_left(plan: Plan, console: Console) -> None:
    """What is left for a person, at file and line as they are after the conversion; equal remarks once."""
    if not plan.todo:
        return
    page = Page(console)
    sources = Sources(plan)
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in plan.todo:
        groups.setdefault((finding.rule, finding.message), []).append(finding)
    page.line((f"Left for you ({len(plan.todo)})", "bold yellow"))
    for (rule, message), findings in groups.items():
        findings.sort(key=lambda f: (str((f.to or f.place).path), (f.to or f.place).line))
        places = where([f.to or f.place for f in findings])
        page.line("  ", rule_id(rule), "  ", places)
        page.hanging("    ", prose(message))
        for finding in findings[:3]:
            excerpt = sources.excerpt(finding)
            if excerpt is not None:
                for line in drawn(excerpt, page.width, "yellow"):
                    page.line(line)
        page.line("")


def where(places: Sequence[Place]) -> Text:
    """`a.py:3, :17, b.py:4`: clickable in most terminals, the path said once."""
    text, last = Text(), None
    for place in places:
        if last is not None:
            text.append(", ")
        text.append(f":{place.line}" if place.path == last else f"{display(place.path)}:{place.line}", style="bold")
        last = place.path
    return text


def _count(data: bytes | None) -> int:
    return len((data or b"").splitlines())
