"""The check that a conversion changed only what a finding speaks of: what it lets pass, and what it stops."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import libcst as cst
import pytest

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.meant import Touched, only_what_we_meant
from lk_migrate.rewrite.statements import Statement, from_ast, from_cst
from lk_migrate.rules.registry import Rule, all_rules

BEFORE = """\
import os


class Host(Base):
    "A host."

    def open(self):
        gate = self.gate()
        if gate:
            return gate
        return os.getcwd()

    @tool
    def close(self):
        pass


host = Host()
if host: host.open()
try:
    run(host)
except OSError:
    stop()
"""

Reader = Callable[[str], tuple[Statement, ...]]
READERS = {
    "ast": lambda text: from_ast(ast.parse(text), text),
    "libcst": lambda text: from_cst(Module.parse("a.py", text.encode())),
}


@pytest.fixture(params=READERS)
def read(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]


GUARD = "        gate = self.gate()\n        if gate:\n            return gate\n"


@pytest.mark.parametrize(
    ("old", "new", "whole", "header"),
    [
        pytest.param("", "", (), (), id="nothing"),
        pytest.param("pass\n", "pass  # so far\n", (), (), id="comment"),
        pytest.param("Host(Base)", "Host(Agent)", (), (4,), id="class header"),
        pytest.param(GUARD, "", (8, 9, 10), (), id="guard removed"),
        pytest.param("import os\n", "import os\nimport json\n", (), (), id="new import"),
        pytest.param("host = Host()", "setup()\nhost = Host(1)", (), (18,), id="one line becomes two"),
        pytest.param("if host: host.open()", "await host.open()", (), (19,), id="one-line if"),
        pytest.param("    stop()", "    log()", (), (23,), id="in a handler"),
        pytest.param("except OSError", "except IOError", (), (22,), id="a handler's header"),
        pytest.param("    @tool\n    def", "    @tool()\n    async def", (), (14,), id="decorated function"),
    ],
)
def test_what_was_touched_may_change(
    read: Reader, old: str, new: str, whole: tuple[int, ...], header: tuple[int, ...]
) -> None:
    touched = Touched(frozenset(whole), frozenset(header))
    assert only_what_we_meant(read(BEFORE), read(BEFORE.replace(old, new)), touched) is None


@pytest.mark.parametrize(
    ("old", "new", "whole", "header", "line"),
    [
        pytest.param("host = Host()", "host = Host(1)", (), (), 18, id="a value"),
        pytest.param("host = Host()\n", "", (), (), 18, id="a lost statement"),
        pytest.param("import os\n", "", (), (), 1, id="a lost import"),
        pytest.param("    stop()\n", "    stop()\nstop()\n", (), (), 20, id="one more statement"),
        pytest.param("        return os.getcwd()\n", "", (8, 9, 10), (4,), 7, id="lost beside what was touched"),
        pytest.param("        return os.getcwd()\n", "", (), (4, 7), 11, id="lost inside what was touched"),
        pytest.param("    def close", "    def shut", (), (4,), 13, id="renamed inside what was touched"),
        pytest.param("        return os", "            return os", (), (8,), 4, id="slipped into another block"),
        pytest.param(
            "host = Host()\nif host: host.open()", "if host: host.open()\nhost = Host()", (), (), 18, id="changed order"
        ),
    ],
)
def test_the_rest_may_not(
    read: Reader, old: str, new: str, whole: tuple[int, ...], header: tuple[int, ...], line: int
) -> None:
    touched = Touched(frozenset(whole), frozenset(header))
    assert BEFORE.replace(old, new) != BEFORE
    assert only_what_we_meant(read(BEFORE), read(BEFORE.replace(old, new)), touched) == line


def test_of_two_that_are_alike_the_first_was_touched(read: Reader) -> None:
    same = "def go():\n    a()\n    b()\n"
    before = f"{same}{same}class A:\n    pass\nclass B:\n    pass\n"
    after = "def more():\n    pass\n" + before.replace("class A", "class C")
    assert only_what_we_meant(read(before), read(after), Touched(header=frozenset({1, 7}))) is None


@pytest.mark.parametrize("clause", ["else", "finally"])
def test_what_leaves_a_clause_with_the_statement_that_was_touched(read: Reader, clause: str) -> None:
    head = "if gate:\n    pass\n" if clause == "else" else "try:\n    pass\n"
    before = f"{head}{clause}:\n    log()\n    run()\n"
    assert only_what_we_meant(read(before), read("log()\nrun()\n"), Touched(frozenset({2}), frozenset({1}))) is None
    assert only_what_we_meant(read(before), read("log()\n"), Touched(frozenset({2}), frozenset({1}))) is not None


def test_a_block_on_its_header_s_line_is_the_same_block_below_it(read: Reader) -> None:
    before, after = "def \\\n    ring(): log(); run()\n", 'def ring():\n    """Rings."""\n    log()\n    run()\n'
    assert only_what_we_meant(read(before), read(after), Touched(header=frozenset({1}))) is None
    assert only_what_we_meant(read(before), read(after.replace("    run()\n", "")), Touched(header=frozenset({1}))) == 2


def test_statements_on_one_line_of_which_the_first_has_several() -> None:
    source = "first = open(\n); second = run(\n); third = stop()\n"
    for old, new in (("run(\n)", "walk()"), ("stop()", "walk()")):
        result = _converted(
            source, lambda node, old=old: cst.parse_expression("walk()") if old[:3] in node.func.value else node
        )
        assert result.change is not None and result.change.after == source.replace(old, new).encode()


def _converted(source: str, apply: Callable[[cst.Call], cst.BaseExpression]) -> FileResult:
    rule = Rule("LK900", Edition.V1, "Rewrites a call.")

    @rule.on(cst.Call)
    def call(node: cst.Call, file: File) -> Iterator[Change]:
        yield Rewrite(node, apply, "rewritten")

    return convert_file("a.py", Project({"a.py": source.encode()}), [rule])


def test_a_comment_that_a_rule_has_no_place_for_goes_above_its_statement() -> None:
    source = "if ready:\n    run(\n        # slowly\n        1,  # once\n    )\n"
    result = _converted(source, lambda _: cst.parse_expression("walk(1)"))
    assert result.change is not None
    assert result.change.after == b"if ready:\n    # slowly\n    # once\n    walk(1)\n"


def test_two_equal_comments_of_which_one_is_lost() -> None:
    source = "run(  # why\n)\nif ready:  # why\n    pass\n"
    result = _converted(source, lambda _: cst.parse_expression("walk()"))
    assert result.change is not None
    assert result.change.after.count(b"# why") == 2  # type: ignore[union-attr]


def test_what_would_not_parse_is_not_written() -> None:
    result = _converted("run()\n", lambda _: cst.Name("class"))
    assert result.change is None
    assert result.skipped is not None
    assert "would not parse" in result.skipped.reason


def test_what_parses_and_would_not_compile_is_not_written() -> None:
    result = _converted("run(a=1)\n", lambda _: cst.parse_expression("run(a=1, a=1)"))
    assert result.change is None
    assert result.skipped is not None
    assert "would not compile (keyword argument repeated: a" in result.skipped.reason


def test_what_did_not_compile_before_need_not() -> None:
    result = _converted("run(a=1)\nreturn 1\n", lambda _: cst.parse_expression("walk(a=1)"))
    assert result.change is not None
    assert result.change.after == b"walk(a=1)\nreturn 1\n"


def test_a_comment_that_stands_in_no_statement_goes_above_the_next_one() -> None:
    source = "from livekit.agents.pipeline import VoicePipelineAgent\\\n# why\nclass Voice:\n    turns = 0\n"
    result = convert_file("a.py", Project({"a.py": source.encode()}), all_rules())
    assert result.skipped is None
    assert result.change is not None
    assert result.change.after == b"# why\nclass Voice:\n    turns = 0\n"


def test_a_new_import_may_stand_between_lines_of_a_function_that_nobody_touched() -> None:
    source = (
        "async def main():\n    from livekit import rtc\n    DAYS = [1, 2]\n    class Desk:\n"
        "        def __init__(self, instructions):\n            self.instructions = instructions\n"
        "        async def note(self, ctx: RunContext, text: str) -> str:\n            return text\n"
    )
    result = convert_file("a.py", Project({"a.py": source.encode()}), all_rules())
    assert result.skipped is None
    assert result.change is not None
    assert b"rtc\n    from livekit.agents import Agent, function_tool\n    DAYS" in (result.change.after or b"")
