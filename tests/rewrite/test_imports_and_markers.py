"""Added imports stand where the file's order wants them; one statement gets one marker of a kind."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst
import pytest

from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.imports import add_imports, fold_long_imports
from lk_migrate.rules.registry import Rule


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        (
            "import os\nimport attr\nfrom . import x\n",
            "asyncio",
            "import asyncio\nimport os\nimport attr\nfrom . import x\n",
        ),
        # a file in no order: the standard library goes to what it opens with of it
        (
            "from own import x\nimport os\nfrom zmq import z\nset_up()\nimport warnings\nimport attr\nx()\n",
            "typing.Any",
            "from own import x\nimport os\nfrom typing import Any\nfrom zmq import z\nset_up()\nimport warnings\n"
            "import attr\nx()\n",
        ),
        # in order among its neighbours, when they are in order
        (
            "import abc\nimport os\nfrom re import sub\n",
            "json",
            "import abc\nimport json\nimport os\nfrom re import sub\n",
        ),
        (
            "import abc\n\nimport attr\nimport zmq\n",
            "livekit.a",
            "import abc\n\nimport attr\nimport zmq\nfrom livekit import a\n",
        ),
        ("import abc\n\nfrom zmq import z\n", "livekit.a", "import abc\n\nfrom livekit import a\nfrom zmq import z\n"),
        ("import os\nimport abc\n", "json", "import os\nimport abc\nimport json\n"),
        ("import os\nfrom . import x\n", "livekit.a", "import os\nfrom livekit import a\nfrom . import x\n"),
        # never above the future
        (
            "from __future__ import annotations\nx = 1\n",
            "asyncio",
            "from __future__ import annotations\nimport asyncio\nx = 1\n",
        ),
        # what stays above its statement: our marker, not the file's own words
        (
            "# Licence\n# TODO(lk-migrate LK110): derive it\n#   from `Agent`\nclass Desk:\n    pass\n",
            "livekit.rtc",
            "# Licence\nfrom livekit import rtc\n\n# TODO(lk-migrate LK110): derive it\n#   from `Agent`\n"
            "class Desk:\n    pass\n",
        ),
        (
            "#!/usr/bin/env python3\n\n# TODO(lk-migrate LK110): derive it\nclass Desk:\n    pass\n",
            "livekit.rtc",
            "#!/usr/bin/env python3\n\nfrom livekit import rtc\n\n# TODO(lk-migrate LK110): derive it\n"
            "class Desk:\n    pass\n",
        ),
        # a file without that order keeps its own: new imports come last
        ("import attr\nimport os\n", "signal", "import attr\nimport os\nimport signal\n"),
    ],
)
def test_imports_in_the_order_of_the_file(before: str, target: str, after: str) -> None:
    tree = add_imports(cst.parse_module(before), {target: target.rpartition(".")[2]})
    assert tree.code == after


def test_a_line_that_got_too_long_is_folded_and_its_neighbour_left_as_long_as_it_was() -> None:
    long = "from hotel.desk import ConversationItemAddedEvent, UserInputTranscribedEvent, AgentStateChangedEvent\n"
    other = "from hotel.desk import AReceptionist, AConcierge, ANightPorter, ABellBoy, AChambermaid, ACook, Sommelier\n"
    wanted = {"hotel.desk.Sommelier": "Sommelier"}
    names = other.strip().partition(" import ")[2].split(", ")
    folded = "from hotel.desk import (\n" + "".join(f"    {name},\n" for name in names) + ")\n"
    assert fold_long_imports(cst.parse_module(other + long), wanted).code == folded + long


_OPTIONAL = "try:\n    from livekit import agents\nexcept ImportError:\n    agents = None\n"
_LATE = "def run(ctx):\n    from livekit import agents\n    agents.x(rtc.y)\n"


@pytest.mark.parametrize(
    ("before", "target", "after"),
    [
        # in the `try` of a file that does without the package, whether or not there is a line for it
        (_OPTIONAL, "livekit.rtc", _OPTIONAL.replace("agents\nexcept", "agents, rtc\nexcept")),
        (
            _OPTIONAL,
            "livekit.agents.Agent",
            _OPTIONAL.replace("\nexcept", "\n    from livekit.agents import Agent\nexcept"),
        ),
        # in the function that imports the package by itself, and is the only one that uses the name
        (_LATE, "livekit.rtc", _LATE.replace("agents\n    a", "agents, rtc\n    a")),
        (_LATE + "rtc.z()\n", "livekit.rtc", None),
        ("def run():\n    rtc.y()\n    from livekit import agents\n", "livekit.rtc", None),
        # what the file imports anyway is no reason
        ("import livekit\n" + _LATE, "livekit.rtc", "import livekit\nfrom livekit import rtc\n" + _LATE),
        ("if ready:\n    from livekit import agents\n", "livekit.rtc", None),
        # and no import is made twice
        (_LATE.replace("agents\n", "agents, rtc\n"), "livekit.rtc", _LATE.replace("agents\n", "agents, rtc\n")),
        ("def run():\n    import json\n    json.x()\n", "json", "def run():\n    import json\n    json.x()\n"),
    ],
)
def test_imports_that_the_file_has_only_where_the_package_may_be_missing(
    before: str, target: str, after: str | None
) -> None:
    tree = add_imports(cst.parse_module(before), {target: target.rpartition(".")[2]})
    assert tree.code == (after if after is not None else "from livekit import rtc\n\n" + before)


def _marking() -> Rule:
    rule = Rule("LK199", Edition.HANDROLLED, "Marks.")

    @rule.on(cst.Integer, cst.Match)
    def mark(node: cst.CSTNode, file: File) -> Iterator[Change]:
        yield Todo(node, "look here")

    return rule


def test_the_same_marker_once_per_statement() -> None:
    project = Project({"main.py": b"x = 1 + 2 + 3\n\nmatch x:\n    case 'a':\n        pass\n"})
    result = convert_file("main.py", project, [_marking()])
    assert result.change is not None and result.change.after is not None
    assert result.change.after.count(b"# TODO(lk-migrate LK199): look here\n") == 2
    assert len(result.findings) == 4


def test_edits_compose_when_one_puts_something_beside_the_node() -> None:
    rule = Rule("LK199", Edition.HANDROLLED, "Doubles and renames.")

    @rule.on(cst.SimpleStatementLine)
    def twice(node: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
        beside = cst.parse_statement("added()\n")
        yield Rewrite(node, lambda updated: cst.FlattenSentinel([updated, beside]), "adds")
        yield Rewrite(node, lambda updated: cst.FlattenSentinel([updated, cst.parse_statement("late()\n")]), "adds")
        yield Rewrite(node, lambda updated: updated.with_changes(body=[cst.Pass()]), "empties")

    result = convert_file("main.py", Project({"main.py": b"first()\n"}), [rule])
    assert result.change is not None
    assert result.change.after == b"pass\nlate()\nadded()\n"


def test_a_marker_goes_to_the_innermost_statement_that_a_rule_put_around() -> None:
    wrapping = Rule("LK198", Edition.HANDROLLED, "Wraps.")

    @wrapping.on(cst.SimpleStatementLine)
    def wrap(node: cst.SimpleStatementLine, file: File) -> Iterator[Change]:
        if isinstance(file.parent(node), cst.Module):
            code = "for model in models:\n    if model:\n        x = 1\n"
            yield Rewrite(node, lambda _: cst.parse_statement(code), "for each")

    result = convert_file("main.py", Project({"main.py": b"x = 1\n"}), [_marking(), wrapping])
    assert result.change is not None and result.change.after is not None
    assert b"    if model:\n        # TODO(lk-migrate LK199): look here\n        x = 1\n" in result.change.after
