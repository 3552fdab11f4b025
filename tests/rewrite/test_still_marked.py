"""A marker that stands is left for a person, whether or not a rule still meets its place."""

from __future__ import annotations

from lk_migrate.model import Action
from lk_migrate.plan import ConvertOptions, make_plan

MARKED = b"""\
# TODO(lk-migrate LK119): the framework calls the tools itself now;
#   delete it when nothing needs it
def dispatch(name):
    return name
"""


def test_a_marker_of_an_earlier_run_is_still_left() -> None:
    plan = make_plan({"a.py": MARKED, "b.py": b"x = 1\n"}, ConvertOptions())
    assert not plan.changes
    (left,) = plan.todo
    assert (left.rule, left.place.path, left.place.line) == ("LK119", "a.py", 1)
    assert left.message == "the framework calls the tools itself now; delete it when nothing needs it"
    assert left.action is Action.TODO


def test_without_markers_nothing_is_left() -> None:
    assert not make_plan({"a.py": MARKED.partition(b"def")[2]}, ConvertOptions()).todo
