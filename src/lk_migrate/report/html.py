"""The HTML report: one file, no network, everything escaped. What it shows is in templates/report.html.j2."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from lk_migrate import TARGET, __version__
from lk_migrate.model import Action, FileChange, Finding, Plan
from lk_migrate.project.paths import display
from lk_migrate.report.catalog import catalog
from lk_migrate.report.data import kind_of, todo
from lk_migrate.report.flows import WIDTH, picture
from lk_migrate.report.highlight import Span, line_html, python_spans
from lk_migrate.report.ledger import sums
from lk_migrate.report.measures import measures
from lk_migrate.report.sidebyside import Pages, Row, changed_part
from lk_migrate.report.terminal import moved_lines
from lk_migrate.report.verified import Verified


@dataclass(frozen=True)
class Line:
    """A `Row` ready to be printed."""

    kind: str
    old: int | None = None
    old_html: str = ""
    new: int | None = None
    new_html: str = ""
    said: str = ""
    to: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Page:
    """One changed file."""

    path: str
    anchor: str
    kind: str
    before: int
    after: int
    lines: list[Line]
    counts: Counter[str]


def html(plan: Plan, verified: Verified | None = None) -> str:
    """The report. `verified`: what `verify` found, if it has run already."""
    env = Environment(
        loader=PackageLoader("lk_migrate"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    env.filters["prose"] = prose
    env.filters["anchor"] = anchor
    env.filters["shown"] = display
    used = sorted({f.rule for f in plan.findings})
    return env.get_template("report.html.j2").render(
        version=__version__,
        target=TARGET,
        name=display(PurePath(plan.root).name or "project"),
        identity=_identity(plan),
        plan=plan,
        kinds=Counter(kind_of(c) for c in plan.changes),
        actions=Counter(f.action.value for f in plan.findings),
        moved=moved_lines(plan),
        measures=measures(plan),
        left=[entry | {"key": _key(entry)} for entry in todo(plan)],
        notes=_notes(plan.findings),
        sums=sums(plan.ledger),
        picture=picture(plan.ledger),
        picture_width=WIDTH,
        pages=_pages(plan),
        rules=[catalog()[rule] for rule in used if rule in catalog()],
        verified=verified,
    )


def prose(message: str) -> Markup:
    """A message with its `code` as code."""
    parts = message.split("`")
    if len(parts) % 2 == 0:
        return escape(message)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if i % 2 else escape(part) for i, part in enumerate(parts)
    )


def anchor(path: str, line: int | None = None) -> str:
    """The id of a file's section, or of a line in it."""
    digest = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:10]
    return f"f{digest}" if line is None else f"f{digest}-{line}"


def _identity(plan: Plan) -> str:
    """Where the browser keeps the ticks: the same for the same project."""
    return hashlib.sha256(plan.root.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _key(entry: dict[str, Any]) -> str:
    """The same for the same remark, wherever its lines have moved to."""
    text = f"{entry['rule']}\0{entry['place']['path']}\0{entry['message']}\0{entry['code']}"
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _notes(findings: Iterable[Finding]) -> list[tuple[str, str, list[Finding]]]:
    """Notes by rule and wording: (rule, the first message, all of them)."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        if finding.action is Action.NOTE:
            wording = "`".join(finding.message.split("`")[::2])
            groups.setdefault((finding.rule, wording), []).append(finding)
    return [(rule, found[0].message, found) for (rule, _), found in sorted(groups.items())]


def _pages(plan: Plan) -> list[Page]:
    pages = Pages(plan)
    spans: dict[tuple[str, bool], list[list[Span]]] = {}

    def styled(path: str, new: bool, number: int, mark: tuple[int, int] | None) -> Markup:
        lines = (pages.new if new else pages.old)[path]
        if (path, new) not in spans:
            spans[path, new] = python_spans(lines) if path.endswith(".py") else [[] for _ in lines]
        return line_html(lines[number], spans[path, new][number], mark)

    def line(row: Row, path: str) -> Line:
        if row.said:
            return Line("said", said=row.said, to=_link(row), findings=row.findings)
        source = row.origin or path
        marks = None
        if row.old is not None and row.new is not None and not row.same:
            marks = changed_part(pages.old[source][row.old], pages.new[path][row.new])
        old = styled(source, False, row.old, marks[0] if marks else None) if row.old is not None else Markup("")
        new = styled(path, True, row.new, marks[1] if marks else None) if row.new is not None else Markup("")
        kind = "same" if row.same else "old" if row.new is None else "new" if row.old is None else "both"
        return Line(
            kind,
            None if row.old is None else row.old + 1,
            old,
            None if row.new is None else row.new + 1,
            new,
            findings=row.findings,
        )

    def page(change: FileChange) -> Page:
        lines = [line(row, change.path) for row in pages.rows(change)]
        return Page(
            change.path,
            anchor(change.path),
            kind_of(change),
            len(pages.old.get(change.path, [])),
            len(pages.new.get(change.path, [])),
            lines,
            Counter(f.action.value for entry in lines for f in entry.findings),
        )

    first = (plan.main.path, *plan.main.support) if plan.main is not None else ()
    ordered = sorted(plan.changes, key=lambda c: (first.index(c.path) if c.path in first else len(first), c.path))
    return [page(change) for change in ordered]


def _link(row: Row) -> str:
    return anchor(row.to.path) if row.to is not None else ""
