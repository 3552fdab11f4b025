"""The command line's contract: exit codes, streams, formats, selection."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest
from rich.console import Console

from lk_migrate.model import Place, UserError
from lk_migrate.verify import STAGES, Options, Row, Status, select, verify
from lk_migrate.verify.entry import find_main, launch
from lk_migrate.verify.hints import for_import, for_mock, for_plugin, unmocked
from lk_migrate.verify.own_words import shut_out
from lk_migrate.verify.rows import console_command
from lk_migrate.verify.run import prepared
from lk_migrate.verify.show import as_table, show, summary

APPS = Path(__file__).parent / "apps"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lk_migrate", "verify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_json_on_stdout_progress_on_stderr() -> None:
    done = run("--root", APPS / "healthy", "--stage", "environment", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["rows"][0].keys() == {
        "stage", "name", "status", "detail", "place", "seconds", "steps"
    }  # fmt: skip
    assert "waiting for" in done.stderr


def test_a_failed_row_is_exit_code_1() -> None:
    done = run("--root", APPS / "unannotated", "--stage", "static", "-q")
    assert done.returncode == 1 and done.stderr == ""
    assert "Something is wrong" in done.stdout


def test_a_key_in_what_an_app_raises_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-proj-" + "a1B2" * 8
    raised = Row(
        "console", "start", Status.FAILED, f"AuthenticationError: incorrect key {key}", None, 1.0, ((key, 0.5),)
    )
    monkeypatch.setattr("lk_migrate.verify.run.run_lanes", lambda *_: [raised])
    (row,) = verify(Options(APPS / "healthy"))
    assert row.detail == "AuthenticationError: incorrect key sk-p***" and row.steps == (("sk-p***", 0.5),)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--root", APPS / "nowhere"), "--root"),
        (("--root", APPS / "healthy", "--main", "other.py"), "--main other.py"),
        (("--root", APPS / "healthy", "--python", "/no/python"), "--python /no/python"),
        (
            ("--root", APPS / "healthy", "--stage", "voyce"),
            "the stages are static, console, voice, worker, parity, environment",
        ),
        (("--root", APPS / "healthy", "--timeout", "0"), "--timeout"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(arguments: tuple[str | Path, ...], said: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_stages_are_selected_and_skipped_in_their_order() -> None:
    names = [stage.name for stage in STAGES]
    assert [stage.name for stage in select((), ())] == names
    assert [stage.name for stage in select(("environment", "static"), ())] == ["static", "environment"]
    assert [stage.name for stage in select((), names[1:])] == ["static"]
    with pytest.raises(UserError):
        select((), ("nothing",))


def test_the_table_fits_80_columns() -> None:
    out = io.StringIO()
    rows = [Row("console", "python main.py console --text", Status.FAILED, "word " * 60, Place("a/b.py", 3, 3))]
    Console(file=out, width=80, force_terminal=True).print(as_table(rows))
    plain = Console(file=io.StringIO(), width=80)
    assert all(plain.measure(line).maximum <= 80 for line in out.getvalue().splitlines() if "\x1b" not in line)
    assert "b.py:3" in out.getvalue()


def test_a_pipe_gets_one_line_for_each_row() -> None:
    out = io.StringIO()
    show([Row("static", "parses", Status.OK, "3 files", None, 1.23)], Console(file=out))
    assert out.getvalue() == "ok      static: parses: 3 files (1.2 s)\nNothing failed: 1 ok.\n"


def test_only_a_run_may_say_that_it_runs() -> None:
    ok, failed = (Row("console", "starts", status) for status in (Status.OK, Status.FAILED))
    assert summary([ok]) == "It runs: 1 ok."
    assert summary([ok, failed]) == "It does not run yet: 1 ok, 1 failed."
    assert summary([Row("environment", "A", Status.SKIPPED)]) == "Nothing failed: 1 skipped."


RUNS = "from livekit.agents import cli\nif __name__ == '__main__':\n    cli.run_app(server)\n"


def test_the_main_file_is_the_one_that_runs_the_app(tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(RUNS)
    (tmp_path / "main.py").write_text("print('no')")
    assert find_main(tmp_path, ("main.py", "worker.py"), None) == ("worker.py", "")


def test_main_py_wins_and_several_others_need_a_choice(tmp_path: Path) -> None:
    for name in ("main.py", "a.py", "b.py"):
        (tmp_path / name).write_text(RUNS)
    assert find_main(tmp_path, ("a.py", "b.py", "main.py"), None)[0] == "main.py"
    with pytest.raises(UserError, match=r"a\.py, b\.py"):
        find_main(tmp_path, ("a.py", "b.py"), None)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("from src.agents import sales\nimport json", ("-m", "src.main")),
        ("from . import agents", ("-m", "src.main")),
        ("from agents import sales\nimport livekit.agents", ("src/main.py",)),
    ],
)
def test_a_main_file_is_run_as_its_imports_want_it(text: str, command: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "src" / "agents").mkdir(parents=True)
    (tmp_path / "src" / "agents" / "sales.py").touch()
    (tmp_path / "src" / "main.py").write_text(text)
    assert launch(tmp_path, "src/main.py") == command


def test_without_an_entrypoint_there_is_a_reason(tmp_path: Path) -> None:
    main, reason = find_main(tmp_path, (), None)
    assert main is None and "--main" in reason


@pytest.mark.parametrize(
    ("error", "package"),
    [
        (
            "ModuleNotFoundError: No module named 'livekit.plugins.turn_detector'",
            "'livekit-agents[turn-detector]~=1.8'",
        ),
        ("ImportError: cannot import name 'deepgram' from 'livekit.plugins' (x)", "'livekit-agents[deepgram]~=1.8'"),
        ("No module named 'livekit.plugins.noise_cancellation'", "livekit-plugins-noise-cancellation"),  # no extra
        ("ModuleNotFoundError: No module named 'flask.json'", "what has `flask`"),
        (
            "ImportError: libavformat.so.61: cannot open shared object file",
            "--only-binary :all: 'av>=14'",
        ),
    ],
)
def test_a_missing_plugin_has_its_pip_line(error: str, package: str) -> None:
    assert package in for_plugin(error)
    assert for_plugin("ImportError: cannot import name 'x' from 'app'") == ""


def test_what_a_console_has_for_a_participant_is_named_as_that() -> None:
    """The texts are livekit-agents 1.8.9's: its mock participant has mocks for attributes."""
    said = "Hello <MagicMock name='mock.name' id='139644436074064'>, welcome."
    assert unmocked(said) == "Hello ‹mock name›, welcome."
    error = "TypeError: the JSON object must be str, bytes or bytearray, not MagicMock"
    assert "is_fake_job" in for_mock(error)
    assert not for_mock("TypeError: unsupported operand")


def test_a_module_of_the_persons_own_is_no_package_to_install(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    for name in ("main.py", "words.py", "__init__.py"):
        (tmp_path / "src" / name).write_text(RUNS if name == "main.py" else "")
    error = "ModuleNotFoundError: No module named 'words'"
    with prepared(Options(tmp_path)) as context:
        assert "src/words.py" in for_import(error, context) and "delete that file" in for_import(error, context)
        assert "install what has `word`" in for_import("ModuleNotFoundError: No module named 'word'", context)
    (tmp_path / "src" / "__init__.py").unlink()
    with prepared(Options(tmp_path)) as context:
        assert "import it by its path from the root" in for_import(error, context)


def test_the_next_command_is_the_console_that_was_started() -> None:
    started = Row("console", "python -m clinic.main console --text", Status.OK)
    assert console_command([Row("static", "clinic/main.py", Status.OK), started]) == "python -m clinic.main console"
    assert console_command([Row("console", "console", Status.SKIPPED, "no main")]) == ""


@pytest.mark.parametrize(
    ("condition", "open_to"),
    [
        ('len(sys.argv) > 1 and sys.argv[1] == "dev"', {"dev"}),
        ('sys.argv[1] in ("dev", "console")', {"dev", "console"}),
        ('"serve" not in sys.argv', {"dev", "start", "console"}),
        ('sys.argv[1:2] != ["start"]', {"dev", "console"}),
        ("len(argv) > 2", {"console"}),
        ('sys.argv[1] == "dev" or WORKER', {"dev", "start", "console"}),  # who knows
        ('__name__ == "__main__"', {"dev", "start", "console"}),
    ],
)
@pytest.mark.parametrize(
    "shape",
    [
        "if {}:\n    cli.run_app(server)\n",
        "def main():\n    if not ({}):\n        serve()\n    else:\n        run_app(server)\nmain()\n",
    ],
)
def test_run_app_only_for_some_words(condition: str, open_to: set[str], shape: str, tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(shape.format(condition))
    words = {"dev": ("dev",), "start": ("start",), "console": ("console", "--text")}
    found = {word: shut_out(tmp_path, "main.py", argv) for word, argv in words.items()}
    assert {word for word, why in found.items() if why is None} == open_to
    for word, why in found.items():
        if why is not None:
            assert f"main.py {word}`" in why[0] and "run_app" in why[0] and why[1].line in (2, 5)


def test_a_word_of_the_command_line_in_a_variable(tmp_path: Path) -> None:
    word = 'mode = sys.argv[1] if len(sys.argv) > 1 else "both"\n'
    choice = 'if mode == "dev":\n    run_app(server)\nelif mode == "serve":\n    serve()\n'
    (tmp_path / "main.py").write_text(word + choice)
    why = shut_out(tmp_path, "main.py", ("console",))
    assert why is not None and "`mode == 'dev'`" in why[0] and shut_out(tmp_path, "main.py", ("dev",)) is None
    (tmp_path / "main.py").write_text(word + 'mode = MODES.get(mode, "dev")\n' + choice)
    assert shut_out(tmp_path, "main.py", ("console",)) is None


def test_one_way_to_run_app_is_enough(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text('if sys.argv[1] == "dev":\n    run_app(a)\nelif True:\n    run_app(b)\n')
    assert shut_out(tmp_path, "main.py", ("console",)) is None
    (tmp_path / "main.py").write_text("def broken(:\n")
    assert shut_out(tmp_path, "main.py", ("console",)) is None


def test_a_main_for_one_word_is_told_at_once(tmp_path: Path) -> None:
    """The console and `start` are not waited for; nothing is started for them."""
    text = (Path(__file__).parent / "apps" / "cold" / "main.py").read_text()
    text = text.replace('if __name__ == "__main__":', 'if __name__ == "__main__" and sys.argv[1:] == ["dev"]:')
    (tmp_path / "main.py").write_text(text.replace("from livekit.agents", "import sys\n\nfrom livekit.agents", 1))
    begun = time.monotonic()
    [row] = [r for r in verify(Options(tmp_path, stages=("console",))) if r.status is Status.FAILED]
    assert "does not come to `cli.run_app`" in row.detail and row.place is not None and row.place.path == "main.py"
    assert time.monotonic() - begun < 30
