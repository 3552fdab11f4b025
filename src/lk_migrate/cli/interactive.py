"""`convert --interactive`: apply, skip, edit or quit, finding by finding, as `git add -p` does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from rich.text import Text

from lk_migrate.cli.editor import edit
from lk_migrate.cli.streams import Streams
from lk_migrate.model import Finding, Plan, Safety
from lk_migrate.report.catalog import catalog
from lk_migrate.report.masked import masked
from lk_migrate.report.questions import Declined, Hunks, Key, Question, questions
from lk_migrate.report.terminal import Page, prose, rule_id, where
from lk_migrate.rewrite.edited import with_edit

#: Hunks of a question that are shown.
_HUNKS = 2
_STYLE = {"+": "green", "-": "red"}

_HELP = """\
y  apply it
n  skip it: the code stays as it is
e  apply it, and open the new file in your editor before it is written
a  apply it, and all that is left of this rule
d  skip it, and all that is left of this rule
q  quit: skip it and all that is left; what you applied is written
?  this help
Ctrl-C writes nothing at all."""


@dataclass
class Walk:
    """The questions and answers of one run. `ask` shows a prompt and returns what was typed."""

    plan_for: Callable[[Declined], Plan]
    ask: Callable[[str], str]
    streams: Streams
    declined: Declined = field(default_factory=Declined)
    _answered: set[Key] = field(default_factory=set)
    _edits: list[Key] = field(default_factory=list)
    _all: dict[str, str] = field(default_factory=dict)

    def plan(self) -> Plan:
        """The plan that the person wants. Asks again about what comes up only because something was skipped."""
        plan = self.plan_for(self.declined)
        safe = sum(_is_safe(f) for f in plan.findings)
        self.streams.say(f"{safe} changes keep behaviour and are made without asking. What asks for a look:")
        while fresh := [q for q in questions(plan) if q.key not in self._answered]:
            before = self.declined
            shown = Hunks(masked(plan))
            for number, question in enumerate(fresh, 1):
                self._answered.add(question.key)
                if question.rule not in self.declined.rules:  # it went with another one
                    self._take(question, shown, f"{number}/{len(fresh)}")
            if self.declined != before:
                plan = self.plan_for(self.declined)
        return self._edited(plan)

    def _take(self, question: Question, hunks: Hunks, count: str) -> None:
        answer = self._all.get(question.rule) or self._all.get("")
        if answer is None:
            self._show(question, hunks, count)
        while answer is None:
            typed = self.ask(f"Apply {question.rule}? [y,n,e,a,d,q,?] ").strip().lower()[:1]
            if typed in ("a", "d", "q"):
                answer = "y" if typed == "a" else "n"
                self._all["" if typed == "q" else question.rule] = answer
            elif typed in ("y", "n", "e"):
                answer = typed
            else:
                self.streams.say(_HELP)
        if answer == "n":
            self.declined = self.declined.without(question)
        if answer == "e":
            self._edits.append(question.key)

    def _show(self, question: Question, hunks: Hunks, count: str) -> None:
        page, found = Page(self.streams.err), question.findings
        text = catalog().get(question.rule)
        page.line("")
        page.hanging(
            Text.assemble((f"({count})  ", "dim"), rule_id(question.rule), "  "), prose(text.summary if text else "")
        )
        more = f" and {len(found) - 6} more: all of them or none" if len(found) > 6 else ""
        page.hanging("   ", Text.assemble(where([f.place for f in found[:6]]), more))
        for message in dict.fromkeys(f.message for f in found[:3]):
            page.hanging("   ", prose(message))
        parts = hunks.at(found)
        for hunk in parts[:_HUNKS]:
            page.line((f"@@ -{hunk.old} +{hunk.new} @@ {hunk.path}", "cyan"))
            for line in hunk.lines:
                code = Text("".join(c if c.isprintable() else " " for c in line), style=_STYLE.get(line[0], "dim"))
                if page.width is not None:
                    code.truncate(page.width, overflow="ellipsis")
                page.line(code)
            if hunk.above or hunk.below:
                page.line((f"   … {hunk.above} lines above, {hunk.below} below", "dim"))
        if len(parts) > _HUNKS:
            page.line((f"   … {len(parts) - _HUNKS} more places (convert --diff shows everything)", "dim"))

    def _edited(self, plan: Plan) -> Plan:
        """The plan after the person's editor; a file that does not parse is offered again."""
        for path, line in _to_edit(plan, self._edits).items():
            data = next(c.after for c in plan.changes if c.path == path) or b""
            while True:
                edited = edit(data, path, line)
                try:
                    plan = with_edit(plan, path, edited)
                    break
                except (SyntaxError, ValueError) as error:
                    self.streams.warn(f"{path} does not parse as you left it: {error}.")
                    if self.ask("Edit again? [y: again, n: as it was converted] ").strip().lower()[:1] == "n":
                        break
                    data = edited
        return plan


def _to_edit(plan: Plan, wanted: Iterable[Key]) -> dict[str, int]:
    """path → the line to begin at, for each question that was answered with `e`."""
    changed = {c.path for c in plan.changes if c.after is not None}
    asked = {q.key: q for q in questions(plan)}
    found: dict[str, int] = {}
    for key in wanted:
        for finding in asked[key].findings if key in asked else ():
            at = finding.to or finding.place
            if at.path in changed:
                found.setdefault(at.path, at.line)
    return found


def _is_safe(finding: Finding) -> bool:
    text = catalog().get(finding.rule)
    return text is not None and text.safety is Safety.SAFE and finding.action.value in ("rewritten", "removed", "moved")
