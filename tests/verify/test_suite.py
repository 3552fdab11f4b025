"""The tests that are written for a person pass, and fail when the agent changes."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

APPS = Path(__file__).parent / "apps"
pytestmark = pytest.mark.slow


def lk_migrate(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "lk_migrate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def run_tests(root: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(root), "tests"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(command, cwd=root, env=env, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("suite") / "healthy"
    shutil.copytree(APPS / "healthy", root)
    done = lk_migrate("tests", "--root", root, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"written": ["tests/test_clinic.py"], "kept": [], "left": []}
    return root


def test_they_pass_and_cover_every_tool_and_the_greeting(project: Path) -> None:
    code, out = run_tests(project)
    assert code == 0, out
    assert "14 passed" in out


def test_they_fail_when_a_tool_a_default_or_the_greeting_changes(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "changed"
    shutil.copytree(project, root)
    file = root / "services" / "clinic.py"
    text = file.read_text().replace('name="end_of_call"', 'name="note"').replace("most: int = 3", "most: int = 4")
    file.write_text(text.replace('self.session.generate_reply(instructions="Greet the caller.")', "pass"))
    code, out = run_tests(root)
    assert code == 1, out
    failed = set(re.findall(r"FAILED tests/test_clinic\.py::(\S+)", out))
    assert {
        "test_the_model_is_offered_these_tools_and_no_others",
        "test_a_tool_is_described_to_the_model[end_of_call]",
        "test_a_tool_is_described_to_the_model[list_slots]",
        "test_it_speaks_first",
        "test_a_conversation_goes_as_it_went[steps0]",
    } <= failed


def test_a_file_that_is_there_is_kept(project: Path) -> None:
    file = project / "tests" / "test_clinic.py"
    before = file.read_text()
    file.write_text("# mine\n" + before)
    done = lk_migrate("tests", "--root", project)
    assert done.returncode == 0 and "--force" in done.stderr
    assert file.read_text() == "# mine\n" + before
