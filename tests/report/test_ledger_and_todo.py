"""Where did this line go? Every line of the old code is accounted for, once, and answers in both directions."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

import in_process
import pytest
from report_support import FILES

from lk_migrate.model import Fate, LedgerEntry, Place, Plan
from lk_migrate.report.ledger import came, stretches, sums, went


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converted, with its record."""
    root = tmp_path_factory.mktemp("ledger")
    for path, data in FILES.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_bytes(data)
    done = in_process.run(root, "convert")
    assert done.returncode == 3, done.stderr
    return root


def test_every_line_is_accounted_for_once(plan: Plan) -> None:
    for path in FILES:
        covered = [n for e in plan.ledger if e.place.path == path for n in range(e.place.line, e.place.end_line + 1)]
        written = [n for n, line in enumerate(FILES[path].decode().splitlines(), 1) if line.strip()]
        assert len(covered) == len(set(covered)), "no line has two fates"
        assert set(written) <= set(covered)


def test_percents_sum_to_100_and_hide_nothing() -> None:
    lines = {Fate.KEPT: 997, Fate.REMOVED: 1, Fate.MARKER: 2}
    start, entries = 1, []
    for fate, count in lines.items():
        entries.append(LedgerEntry(Place("a.py", start, start + count - 1), fate))
        start += count
    (file,) = sums(entries)
    assert file.total == 1000 and file.lines == lines
    assert sum(file.percent().values()) == 100 and min(file.percent().values()) >= 1


@pytest.mark.parametrize("counts", [(1, 1, 1), (333, 333, 334), (1, 0, 998), (7, 11, 13), (1, 200, 1)])
def test_percents_always_sum_to_100(counts: tuple[int, ...]) -> None:
    entries, start = [], 1
    for fate, count in zip((Fate.KEPT, Fate.MOVED, Fate.REMOVED), counts, strict=True):
        if count:
            entries.append(LedgerEntry(Place("a.py", start, start + count - 1), fate))
            start += count
    assert sum(sums(entries)[0].percent().values()) == 100


def test_both_directions_agree(plan: Plan) -> None:
    for entry in plan.ledger:
        if entry.to is not None:
            forward = went(plan.ledger, entry.place.path, entry.place.line)
            assert [e.place.line for e in forward] == [entry.place.line]
            back = came(plan.ledger, entry.to.path, entry.to.line)
            assert any(e.place.line <= entry.place.end_line and entry.place.line <= e.place.end_line for e in back)


def test_a_kept_line_is_the_same_line(plan: Plan) -> None:
    after = {c.path: (c.after or b"").decode().splitlines() for c in plan.changes}
    same = [e for e in plan.ledger if e.fate in (Fate.KEPT, Fate.MOVED)]
    assert len(same) > 10
    for entry in same:
        assert entry.to is not None
        old = FILES[entry.place.path].decode().splitlines()[entry.place.line - 1]
        assert after[entry.to.path][entry.to.line - 1].strip() == old.strip()


def test_neighbours_with_one_fate_are_one_stretch() -> None:
    entries = [LedgerEntry(Place("a.py", n, n), Fate.MOVED, to=Place("b.py", n + 100, n + 100)) for n in (1, 2, 3)]
    entries.append(LedgerEntry(Place("a.py", 4, 4), Fate.MOVED, to=Place("c.py", 1, 1)))
    assert [(str(e.place), e.place.end_line, str(e.to)) for e in stretches(entries)] == [
        ("a.py:1", 3, "b.py:101"),
        ("a.py:4", 4, "c.py:1"),
    ]


def test_a_line_inside_a_statement_is_followed_exactly() -> None:
    entry = LedgerEntry(Place("a.py", 10, 14), Fate.MOVED, to=Place("b.py", 20, 24))
    assert went([entry], "a.py", 12)[0].to == Place("b.py", 22, 22)
    assert came([entry], "b.py", 23)[0].place == Place("a.py", 13, 13)


def test_the_command(project: Path) -> None:
    everything = in_process.run(project, "ledger")
    assert everything.returncode == 0 and "services/desk.py" in everything.stdout and "% kept" in everything.stdout
    gone = in_process.run(project, "ledger", "services/desk.py:11")
    assert "def _turn_gate(self, ctx):" in gone.stdout and "removed" in gone.stdout and "LK101" in gone.stdout
    moved = in_process.run(project / "services", "ledger", "desk.py:25")
    assert "kept → services/desk.py:" in moved.stdout and 'return f"booked {day}"' in moved.stdout
    rows = json.loads(in_process.run(project, "ledger", "services/desk.py:25", "--json").stdout)
    assert rows["went"][0]["fate"] == "kept"
    stretch = in_process.run(project, "ledger", "services/desk.py").stdout
    assert "removed" in stretch and "kept" in stretch


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["nowhere.py:3"], "nowhere.py is not in the ledger"), (["--run", "2001"], "0 conversions match '2001'")],
)
def test_mistakes(project: Path, arguments: list[str], says: str) -> None:
    done = in_process.run(project, "ledger", *arguments)
    assert done.returncode == 2 and says in done.stderr


def test_before_any_conversion(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text("x = 1\n")
    done = in_process.run(tmp_path, "ledger")
    assert done.returncode == 2 and "nothing was converted" in done.stderr


def test_a_damaged_record_is_a_sentence(project: Path, tmp_path: Path) -> None:
    folder = tmp_path / ".lk-migrate" / "ledger"
    folder.mkdir(parents=True)
    (tmp_path / "main.py").write_text("x = 1\n")
    for content in ("{", "[]", '{"schema": 99}', '{"schema": 1, "ledger": [1], "todo": [], "changes": []}'):
        (folder / "20260101T000000Z-abcdef.json").write_text(content)
        done = in_process.run(tmp_path, "ledger")
        assert done.returncode == 2 and "is damaged" in done.stderr, content


def test_what_is_left_and_what_is_done(project: Path) -> None:
    before = in_process.run(project, "todo", "--check")
    assert before.returncode == 1 and "LK312  main.py:" in before.stdout
    items = json.loads(in_process.run(project, "todo", "--json").stdout)
    first = next(i for i in items if i["rule"] == "LK312")
    assert first["old_code"] == "return AgentSession(keyterms_options=TERMS, stt_context_options=OTHERS)"
    assert "stt_context_options" in first["wanted"] and first["facts"] and not first["done"]
    rewritten = next(i for i in items if i["old_code"] and "".join(i["old_code"].split()) != "".join(i["code"].split()))
    assert "rewritten as far as the rules are sure" in rewritten["tried"] and rewritten["rule"] in rewritten["tried"]
    assert first["check"].startswith("lk-migrate verify --stage static --stage console --stage voice")
    text = in_process.run(project, "todo", "--format", "prompt").stdout
    assert f"main.py:{first['line']} (LK312)" in text and first["old_code"] in text and "todo --check" in text
    listed = in_process.run(project, "todo", "--format", "markdown").stdout
    assert "- [ ] **main.py:" in listed and "## The API now" in listed
    assert all(part in listed for part in (f"Tried: {first['tried']}", f"Check: `{first['check']}`"))
    lines = (project / "main.py").read_text().splitlines()
    kept = [x for x in lines if not x.lstrip().startswith("# TODO(lk-migrate") and not x.lstrip().startswith("#   ")]
    (project / "main.py").write_text("\n".join(kept) + "\n")
    after = in_process.run(project, "todo", "--check")
    assert after.returncode == 0 and f"All {len(items)} done." in after.stdout
