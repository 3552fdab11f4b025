"""Variables that a real run needs: which, where, and never a value."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lk_migrate.verify import Options, Row, Status, verify
from lk_migrate.verify.context import Context
from lk_migrate.verify.interpreter import Interpreter
from lk_migrate.verify.needs import names_in_dotenv, plugins_imported, variables_read
from lk_migrate.verify.processes import Children
from lk_migrate.verify.test_bed import stood_in

SECRET = "sk-never-to-be-seen"

MAIN = """
import os
from os import environ, getenv
from livekit.plugins import deepgram, openai
from livekit.plugins.cartesia import TTS

A = os.environ["DATABASE_URL"]
B = os.getenv("VOICE", "ash")
C = environ.get("CRM_KEY")
D = getenv("REGION")
os.environ["WRITTEN"] = "x"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("LIVEKIT_URL", "LIVEKIT_API_KEY", "OPENAI_API_KEY", "DEEPGRAM_API_KEY", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LIVEKIT_API_SECRET", SECRET)
    (tmp_path / "main.py").write_text(MAIN)
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={SECRET}\nexport REGION='eu'\nDEEPGRAM_API_KEY=\n# X=1\n")
    return tmp_path


def rows_of(project: Path, **options: bool) -> dict[str, Row]:
    return {row.name: row for row in verify(Options(project, stages=("environment",), **options))}


def test_each_variable_is_told_once_with_its_place(project: Path) -> None:
    rows = rows_of(project)
    assert rows["LIVEKIT_API_SECRET"].detail == "LIVEKIT_API_SECRET is set in the environment"
    assert rows["OPENAI_API_KEY"].detail == "OPENAI_API_KEY is set in .env"
    assert (rows["optional, set"].status, rows["optional, set"].detail) == (Status.OK, "REGION (.env)")
    assert rows["LIVEKIT_URL"].status is Status.SKIPPED
    assert "livekit.plugins.deepgram" in rows["DEEPGRAM_API_KEY"].detail  # set to nothing is not set
    assert "livekit.plugins.cartesia" in rows["CARTESIA_API_KEY"].detail
    assert "stops without it" in rows["DATABASE_URL"].detail and str(rows["DATABASE_URL"].place) == "main.py:7"
    assert rows["optional, not set"].detail == "the code copes without CRM_KEY, VOICE"


def test_no_value_is_shown(project: Path) -> None:
    assert SECRET not in repr(rows_of(project))


def test_what_is_missing_fails_only_a_live_run(project: Path) -> None:
    assert rows_of(project, live=True)["LIVEKIT_URL"].status is Status.FAILED
    assert rows_of(project, live=True)["optional, not set"].status is Status.SKIPPED


def test_names_in_a_list_that_a_loop_reads_are_required(tmp_path: Path) -> None:
    file = tmp_path / "main.py"
    file.write_text(
        "import os\nNEEDED = ['CRM_TOKEN', 'Not one', 'en_US']\nx = [n for n in NEEDED if not os.getenv(n)]\n"
    )
    assert [(use.name, use.line, use.required) for use in variables_read(file)] == [("CRM_TOKEN", 2, True)]
    file.write_text("import os\nNOT_NEEDED = ['CRM_TOKEN']\nx = os.getenv('A')\n")
    assert [use.name for use in variables_read(file)] == ["A"]


def test_what_is_read_only_where_it_is_set_is_not_required(tmp_path: Path) -> None:
    file = tmp_path / "settings.py"
    file.write_text(
        "import os\n"
        'if DEBUG and os.getenv("DELAY"):\n    delay = float(os.environ["DELAY"])\nelse:\n    x = os.environ["ELSE"]\n'
        'mode = os.environ["MODE"] if os.environ.get("MODE") is not None else "slow"\n'
        'dsn = "DSN" in os.environ and os.environ["DSN"]\n'
        'if not os.getenv("KEY"):\n    key = os.environ["KEY"]\n'
        'if os.getenv("URL", "http://localhost"):\n    url = os.environ["URL"]\n'
    )
    required = {use.name for use in variables_read(file) if use.required}
    assert required == {"ELSE", "KEY", "URL"}


def test_names_beside_what_converts_them_are_not_required(tmp_path: Path) -> None:
    file = tmp_path / "config.py"
    file.write_text(
        "import os\n"
        "MAY = {'delay': ('MAX_DELAY', float), 'port': ('APP_PORT', 8080), 'on': ('IS_ON', lambda s: s == '1')}\n"
        "MUST = [('CRM_TOKEN', 'of the CRM')]\n"
        "for name, kind in MAY.values():\n    raw = os.getenv(name)\n"
    )
    found = {use.name: use.required for use in variables_read(file)}
    assert found == {"MAX_DELAY": False, "APP_PORT": False, "IS_ON": False, "CRM_TOKEN": True}


def context_of(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Context:
    scratch = tmp_path_factory.mktemp("scratch")
    plugin = scratch / "plugin"
    plugin.mkdir()
    (plugin / "llm.py").write_text(
        "import os\nkey = os.environ.get('ACME_API_KEY')\nregion = os.getenv('ACME_REGION')\n"
    )
    python = Interpreter(sys.executable, "3", "1.8.9", "", {"acme": str(plugin)})
    return Context(
        root=project,
        workspace=project,
        scratch=scratch,
        main="main.py",
        no_main="",
        files=("main.py",),
        python=python,
        timeout=1,
        live=False,
        strict=False,
        before=None,
        no_before="",
        tell=print,
        bytecode=scratch / "bytecode",
        children=Children(),
    )


def test_keys_are_dummies_and_the_rest_is_the_persons_own(
    project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_API_KEY", SECRET)
    monkeypatch.setenv("FERNET_KEY", "theirs")
    monkeypatch.setenv("https_proxy", "http://proxy.example.com")
    (project / "main.py").write_text(MAIN + "E = os.environ['FERNET_KEY']\nF = os.environ['REGION']\n")
    context = context_of(project, tmp_path_factory)
    env = stood_in(context, context.scratch / "events", "http://127.0.0.1:9")
    assert SECRET not in env.values()
    assert env["FERNET_KEY"] == "theirs"  # their own, and set
    assert env["DATABASE_URL"] == "http://127.0.0.1:9"  # required, and set nowhere
    assert not {"CRM_KEY", "VOICE", "REGION", "ACME_REGION", "https_proxy"} & env.keys()


def test_names_in_dotenv() -> None:
    text = "A=1\n export B = 'x'\nC=\nD=\"\"\n#E=1\nnot a line\n"
    assert names_in_dotenv(text) == {"A", "B"}


def test_files_that_do_not_parse_read_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("import os\nos.environ['A'\n")
    assert list(variables_read(broken)) == [] and list(plugins_imported(broken)) == []
