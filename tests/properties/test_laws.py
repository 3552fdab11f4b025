"""What the rewriter promises, for files that nobody wrote. `make fuzz` tries 100,000 of them; here is a sample."""

from __future__ import annotations

import random
import sys
import sysconfig
from pathlib import Path

import hypothesmith
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))
from inputs import generated, snippet, tampered_app
from laws import Broken, check_laws, check_moved_comments, checked, converted
from material import library

from lk_migrate.model import Fate, LedgerEntry, Place
from lk_migrate.plan import ConvertOptions, make_plan

SAMPLE = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes many minutes; `bench/fuzz.py` keeps what fails
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LEGACY = b"""\
from livekit.agents import AgentSession, RoomInputOptions
from livekit.agents.llm import FunctionContext


async def entrypoint(ctx):  # the call
    session = AgentSession(allow_interruptions=True)
    await session.start(room=ctx.room, room_input_options=RoomInputOptions(close_on_disconnect=False))
"""


@pytest.mark.parametrize("first", range(0, 200, 25))
def test_numbered_inputs(first: int) -> None:
    made = [checked(generated(number)).outcome for number in range(1_000_000 + first, 1_000_000 + first + 25)]
    assert "changed" in made


def test_a_tampered_app_with_its_new_main() -> None:
    app = tampered_app(random.Random(11))  # the smallest that gets one, with two files tampered with
    assert checked(app).outcome == "new main"


def test_a_comment_that_is_lost_when_a_statement_moves_is_noticed() -> None:
    files = {"main.py": b"x = 1  # one\n"}
    moved = [LedgerEntry(Place("main.py", 1, 1), Fate.MOVED, to=Place("call.py", 1, 1))]
    check_moved_comments(files, {"call.py": b"x = 1  # one\n"}, moved)
    with pytest.raises(Broken, match="comment lost"):
        check_moved_comments(files, {"call.py": b"x = 1\n"}, moved)


@SAMPLE
@given(source=hypothesmith.from_node(), number=st.integers(0, 10**6))
def test_generated_syntax_around_legacy_code(source: str, number: int) -> None:
    parts = snippet(random.Random(number))
    check_laws(("\n".join(parts) + "\n" + source + "\n").encode("utf-8", "replace"))
    check_laws((source + "\n" + "\n".join(parts) + "\n").encode("utf-8", "replace"))


@SAMPLE
@given(data=st.binary(max_size=200), at=st.integers(0, len(LEGACY)))
def test_any_bytes_are_survived(data: bytes, at: int) -> None:
    check_laws(LEGACY[:at] + data + LEGACY[at:])
    make_plan({"main.py": LEGACY[:at] + data, "requirements.txt": data, "pyproject.toml": data}, ConvertOptions())


def test_the_standard_library_is_left_alone() -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    files = [p for p in sorted(folder.glob("*.py"))[::12] if p.stat().st_size < 60_000]
    plan = make_plan({p.name: p.read_bytes() for p in files}, ConvertOptions())
    assert not plan.changes
    assert not [s for s in plan.skipped if "bug" in s.reason]


@pytest.mark.parametrize("parts", library()[::25], ids=lambda parts: parts[0][:20])
def test_library_code_with_legacy_code_in_it(parts: tuple[str, ...]) -> None:
    middle = len(parts) // 2
    text = "\n".join([*parts[:middle], LEGACY.decode(), *parts[middle:]]) + "\n"
    assert check_laws(text.encode()) == "changed"


WRITTEN = {
    "CRLF": LEGACY.replace(b"\n", b"\r\n"),
    "mixed": LEGACY.replace(b"\n", b"\r\n", 3),
    "BOM": b"\xef\xbb\xbf" + LEGACY,
    "latin-1": b"# coding: latin-1\n# caf\xe9\n" + LEGACY,
    "form feed": LEGACY.replace(b"\n\n\n", b"\n\f\n\n"),
    "tabs": LEGACY.replace(b"    ", b"\t"),
    "no final newline": LEGACY.rstrip(),
    "3.12 f-string": LEGACY + b'said = f"{f"{"quoted"}"}"\n',
    "3.14 t-string": LEGACY + b'said = t"{x}"\n',
    "type parameters": LEGACY + b"def first[T](xs: list[T]) -> T: ...\n",
    "10,000 lines": LEGACY + b"".join(b"value_%d = call(%d)  # %d\n" % (n, n, n) for n in range(10_000)),
    "brackets, 199 deep": LEGACY + b"x = " + b"f(" * 199 + b"1" + b")" * 199 + b"\n",
    "blocks, 99 deep": LEGACY + b"".join(b" " * n + b"if x:\n" for n in range(99)) + b" " * 99 + b"pass\n",
    "a long line": LEGACY + b"x = [" + b"1, " * 50_000 + b"]\n",
    "separators": LEGACY + "s = 'a\u2028b\x85c'  # \u2029\n".encode(),
    "stray byte in a comment": LEGACY + b"# caf\xe9\n",
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_however_it_is_written(kind: str) -> None:
    data = WRITTEN[kind]
    assert check_laws(data) == "changed"
    after = converted(data).change.after  # type: ignore[union-attr]
    assert after is not None
    old, new = data.splitlines(keepends=True), set(after.splitlines(keepends=True))
    touched = (b"session", b"import")
    assert not [line for line in old if line not in new and not any(word in line for word in touched)]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(LEGACY + b"x = '\0'\n", id="NUL"),
        pytest.param(LEGACY.replace(b"\n", b"\r"), id="lone CR"),
        pytest.param(LEGACY + b"x = " + b"(" * 3000 + b"1" + b")" * 3000 + b"\n", id="deep brackets"),
        pytest.param(
            LEGACY + b"".join(b" " * n + b"if x:\n" for n in range(200)) + b" " * 200 + b"pass\n", id="200 blocks"
        ),
        pytest.param(LEGACY + b"if x:\n  pass\n" + b"elif y:\n  pass\n" * 1000, id="long elif"),
        pytest.param(LEGACY + b"x = a" + b".b()" * 1000 + b"\n", id="long chain"),
        pytest.param(LEGACY + b"x = " + b"-" * 5000 + b"1\n", id="deep operators"),
        pytest.param(LEGACY + b"x = " + b"1 + " * 5000 + b"1\n", id="long sum"),
        pytest.param(b"\\\n" + LEGACY, id="continued before it begins"),
        pytest.param("# coding: utf-16\n".encode("utf-16") + LEGACY, id="UTF-16"),
        pytest.param(b"# coding: nonsense\n" + LEGACY, id="no such encoding"),
        pytest.param(b"# coding: ascii\n# \xe9\n" + LEGACY, id="not its encoding"),
        pytest.param(LEGACY + b'x = "gr\\und"\n', id="no such escape"),
        pytest.param(b"", id="empty"),
    ],
)
def test_what_cannot_be_converted_is_left_alone_or_right(data: bytes) -> None:
    try:
        what = check_laws(data)
    except Broken as error:
        pytest.fail(str(error))
    if what != "changed":
        assert converted(data).change is None


def test_form_feeds_as_indentation_are_told() -> None:
    """New statements would be indented with them, and two of them in a row are not what Python takes them for."""
    result = converted(b"class A:\n\x0c pass\n\n" + LEGACY)
    assert result.change is None and result.skipped is not None
    assert "indented with form feeds" in result.skipped.reason and "bug" not in result.skipped.reason
