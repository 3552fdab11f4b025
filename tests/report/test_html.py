"""The HTML report as text: whole, escaped, every finding at its line, quick with many files."""

from __future__ import annotations

import re
import time
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise

from report_support import VERIFIED

from lk_migrate.model import Action, FileChange, Finding, LedgerEntry, MainSummary, Place, Plan, Skipped
from lk_migrate.model import Fate as F
from lk_migrate.plan import ConvertOptions, make_plan
from lk_migrate.report.flows import GONE, picture
from lk_migrate.report.highlight import line_html, python_spans
from lk_migrate.report.html import html, prose
from lk_migrate.report.measures import measures
from lk_migrate.report.sidebyside import Pages, changed_part
from lk_migrate.report.verified import verified

_VOID = {"meta", "link", "input", "col", "br", "hr", "img"}


class Outline(HTMLParser):
    """Ids, links, scripts and the nesting of a page; `wrong` is what does not close as it opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.hrefs: list[str] = []
        self.loads: list[str] = []
        self.scripts = 0
        self.wrong: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.wrong += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        self.hrefs += [values["href"] or ""] if tag == "a" else []
        self.loads += [str(values[k]) for k in ("src", "data", "srcset") if k in values]
        self.loads += (
            [str(values["href"])] if tag in ("link", "use", "image") and values.get("href") != "data:," else []
        )
        self.scripts += tag == "script"
        if any(name.startswith("on") for name in values):
            self.wrong.append(f"{tag} has a handler")
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.wrong.append(f"</{tag}>")


def test_the_page_is_whole_and_loads_nothing(plan: Plan) -> None:
    page = html(plan)
    outline = Outline(page)
    assert outline.wrong == [] and outline.loads == [] and outline.scripts == 1
    assert len(set(outline.ids)) == len(outline.ids)
    assert [h for h in outline.hrefs if not h.startswith("#") or h[1:] not in outline.ids] == []
    assert "default-src 'none'" in page and not re.search(r"https?://", page.split("</style>")[0])


def test_every_finding_is_there_and_one_click_from_its_rule(plan: Plan) -> None:
    page = html(plan)
    rows = re.findall(r'<tr class="finding (\w+)">.*?href="#rule-(LK\d+)"', page)
    wanted = sorted((f.action.value, f.rule) for f in dict.fromkeys(plan.findings))
    assert sorted(rows) == wanted


def test_everything_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>\"'&{{7*7}}`<i>`"
    path = f"a{evil.replace('/', '')}.py"
    plan = Plan(
        f"/x/{evil}",
        changes=(FileChange(path, f"x = 1 # {evil}\n".encode(), f"y = '''{evil}\n".encode()),),
        findings=(
            Finding("LK301", Action.TODO, Place(path, 1, 1), evil, to=Place(path, 1, 1)),
            Finding("LK999", Action.NOTE, Place(path, 1, 1), evil),
        ),
        ledger=(LedgerEntry(Place(path, 1, 1), F.REWRITTEN, "LK301", evil, Place(path, 1, 1)),),
        skipped=(Skipped(path, evil),),
        main=MainSummary(path, 1, 1, (path,)),
    )
    page = html(plan, verified([{"stage": evil, "name": evil, "status": "ok", "detail": evil, "steps": [[evil, 1]]}]))
    assert "<img" not in page and "<i>`" not in page and "49" not in re.findall(r"<h1>.*?</h1>", page)[0]
    assert Outline(page).wrong == [] and Outline(page).scripts == 1
    assert "</script><b>" not in html(replace(plan, root="/</script><b>"))


def test_what_has_no_ledger_or_findings_is_fine() -> None:
    assert "Nothing: everything was converted." in html(Plan("."))


def test_verified_rows_are_shown(plan: Plan) -> None:
    page = html(plan, verified(VERIFIED))
    assert "<strong>1 check failed.</strong>" in page and "it does not" in page and "main.py:3" in page
    lanes = re.findall(r'class="what">(.*?)<.*?left:([\d.]+)%;width:([\d.]+)%', page)
    assert lanes == [("speech", "0.0", "0.0"), ("transcript", "0.0", "25.0"), ("silence", "25.0", "75.0")]
    assert 'id="verified"' not in html(plan)


def test_two_hundred_files_are_quick() -> None:
    source = "".join(f"def f{n}(a):\n    '''doc'''\n    return a + {n}  # note\n\n" for n in range(100))
    changes, findings, ledger = [], [], []
    for n in range(200):
        path = f"pkg/m{n}.py"
        after = source.replace("a + 50 ", "a - 50 ")
        changes.append(FileChange(path, source.encode(), after.encode()))
        line = source.splitlines().index("    return a + 50  # note") + 1
        findings.append(Finding("LK301", Action.REWRITTEN, Place(path, line, line), "x", to=Place(path, line, line)))
        ledger.append(LedgerEntry(Place(path, 1, 400), F.KEPT, to=Place(path, 1, 400)))
    began = time.process_time()
    page = html(Plan(".", tuple(changes), tuple(findings), tuple(ledger)))
    assert time.process_time() - began < 8
    assert len(page) < 3_000_000 and page.count('<details class="file"') == 200


def test_a_long_file_is_folded_around_what_changed() -> None:
    before = "\n".join(f"line_{n} = {n}" for n in range(500))
    plan = Plan(".", (FileChange("a.py", before.encode(), before.replace("= 250", "= 251").encode()),))
    rows = Pages(plan).rows(plan.changes[0])
    assert len(rows) == 9
    assert rows[0].said == "247 lines as they were" and rows[-1].said == "246 lines as they were"
    assert [(r.old, r.new, r.same) for r in rows if not r.same and not r.said] == [(250, 250, False)]


def test_a_new_module_stands_beside_the_lines_that_it_took() -> None:
    body = "\n".join(f"    call_number_{n}(x)" for n in range(30))
    old = f"def helper(x):\n{body}\n\nasync def entrypoint(ctx):\n    helper(ctx.room)\n"
    new = "from support import helper\n\nasync def entrypoint(ctx):\n    helper(ctx.room)\n"
    plan = Plan(
        ".",
        (
            FileChange("main.py", old.encode(), new.encode()),
            FileChange("support.py", None, f"def helper(x):\n{body}\n    done(x)\n".encode()),
        ),
        ledger=(LedgerEntry(Place("main.py", 1, 31), F.MOVED, to=Place("support.py", 1, 31)),),
        main=MainSummary("main.py", 34, 4, ("support.py",)),
    )
    pages = Pages(plan)
    support = pages.rows(plan.changes[1])
    assert support[0].said == "28 lines as they were in main.py, from line 1 on"
    assert (support[1].old, support[1].origin, support[-1].old) == (28, "main.py", None)
    main = pages.rows(plan.changes[0])
    assert [r.said for r in main if r.said] == ["lines 1–31 went to support.py:1"]


def test_the_picture_loses_no_line(plan: Plan) -> None:
    drawn = picture(plan.ledger)
    total = sum(e.place.end_line - e.place.line + 1 for e in plan.ledger)
    for lines in (
        sum(r.lines for r in drawn.ribbons),
        sum(n for *_, n in drawn.flows),
        sum(n.lines for n in drawn.nodes if n.left),
        sum(n.lines for n in drawn.nodes if not n.left),
    ):
        assert lines == total
    assert any(node.name == GONE for node in drawn.nodes)


def test_bars_stand_inside_the_picture_and_apart() -> None:
    ledger = [LedgerEntry(Place(f"f{n}.py", 1, n + 1), F.KEPT, to=Place(f"f{n}.py", 1, n + 1)) for n in range(60)]
    drawn = picture(ledger)
    assert "46 more files" in {node.name for node in drawn.nodes}
    for left in (True, False):
        bars = sorted((n for n in drawn.nodes if n.left is left), key=lambda n: n.y)
        assert all(a.y + a.height <= b.y for a, b in pairwise(bars))
        assert bars[0].y >= 0 and bars[-1].y + bars[-1].height <= drawn.height


def test_strings_over_several_lines_are_strings() -> None:
    lines = ['x = """a', "# no comment", 'def b"""', "def f():  # yes", "    return 'it''s', 3"]
    shown = [str(line_html(line, spans)) for line, spans in zip(lines, python_spans(lines), strict=True)]
    assert shown[1] == '<b class="s"># no comment</b>'
    assert shown[2] == '<b class="s">def b&#34;&#34;&#34;</b>'
    assert '<b class="k">def</b> <b class="f">f</b>' in shown[3] and '<b class="c"># yes</b>' in shown[3]
    assert '<b class="n">3</b>' in shown[4]


def test_what_a_line_shows_is_what_stands_in_it() -> None:
    for line in ("x = '<b>' & 1", "\tf(\x1b[2J)", "a" * 300, "", "‮evil = 1", "🙂 = 'ü'"):
        plain = re.sub(r"<[^>]+>", "", str(line_html(line, python_spans([line])[0], (1, 3))))
        for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&#39;", "'"), ("&#34;", '"'), ("&amp;", "&")):
            plain = plain.replace(entity, char)
        assert len(plain) == len(line) and "\x1b" not in plain and "‮" not in plain


def test_only_the_part_that_changed_is_marked() -> None:
    assert changed_part("f(room_input_options=x)", "f(room_options=x)") == ((7, 13), (7, 7))
    assert changed_part("f(x=config)", "f(x=call.config)") == ((4, 4), (4, 9)), "`call.`, not `all.c`"
    assert changed_part("something", "entirely else") is None


def test_prose_with_an_odd_backtick_stays_text() -> None:
    assert str(prose("a `b` c")) == "a <code>b</code> c"
    assert str(prose("a `b c <i>")) == "a `b c &lt;i&gt;"


def test_measures_are_counted_in_the_code(plan: Plan) -> None:
    found = {m.name: (m.before, m.after) for m in measures(plan)}
    assert found["tools of Desk"] == ("1, 1 decorated", "1, 1 decorated")
    assert found["turn gate of Desk"] == ("1 call per utterance", "max_tool_steps=0")
    broken = Plan(".", (FileChange("main.py", b"def (", b"x = 1\n"),), main=MainSummary("main.py", 1, 1))
    assert {m.name: m.before for m in measures(broken)}["longest function in main.py"] == "0 lines"


def test_a_project_that_needs_nothing() -> None:
    plan = make_plan({"main.py": b"print(1)\n"}, ConvertOptions(), "x")
    assert plan.changes == () and Outline(html(plan)).wrong == []
