"""Manifests as a whole: nothing but LiveKit's requirements changes, and a second run changes nothing."""

from __future__ import annotations

import codecs
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.names import is_manifest
from lk_migrate.manifests.plan import plan_manifests
from lk_migrate.model import Action


def line_ends(files: dict[str, bytes]) -> set[str]:
    return set(re.findall("\r\n|\n|\r", files["requirements.txt"].decode()))


AGENT = b"from livekit.agents import Agent\nfrom livekit.plugins import openai\n"


def converted(files: dict[str, bytes]) -> dict[str, bytes]:
    result = plan_manifests(files, imported_modules(files))
    return {**files, **{c.path: c.after for c in result.changes if c.after is not None}}


def todos(files: dict[str, bytes]) -> list[str]:
    result = plan_manifests(files, imported_modules(files))
    return [f"{f.rule} {f.place}" for f in result.findings if f.action is Action.TODO]


@pytest.mark.parametrize("bom", [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE])
def test_encodings_and_line_ends_stay(bom: bytes) -> None:
    codec = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}.get(bom, "utf-8")
    text = "# Stimme: schön\r\nlivekit-agents~=1.2\r\nlivekit-plugins-openai==1.2.1"
    wanted = text.replace("~=1.2", "~=1.8").replace("1.2.1", "1.8.9")
    assert converted({"requirements.txt": bom + text.encode(codec)}) == {"requirements.txt": bom + wanted.encode(codec)}


def test_bytes_that_are_no_text_pass_through() -> None:
    data = b"# caf\xe9\nlivekit-agents~=1.2\n\xff\xfe\n"
    assert converted({"requirements.txt": data})["requirements.txt"] == data.replace(b"1.2", b"1.8")


def test_each_folder_answers_for_its_own_code() -> None:
    files = {
        "a/requirements.txt": b"livekit-agents~=1.8\nlivekit-plugins-openai~=1.8\n",
        "a/agent.py": AGENT,
        "b/requirements.txt": b"livekit-agents~=1.8\n",
        "b/src/agent.py": b"from livekit.plugins import silero\n",
        "c/requirements.txt": b"httpx\n",
    }
    after = converted(files)
    assert after["a/requirements.txt"] == files["a/requirements.txt"]
    assert after["b/requirements.txt"] == b"livekit-agents[silero]~=1.8\n"
    assert after["c/requirements.txt"] == files["c/requirements.txt"]


def test_a_plugin_of_the_project_itself_is_not_installed() -> None:
    files = {
        "requirements.txt": b"livekit-agents[openai]~=1.8\n",
        "main.py": AGENT + b"from livekit.plugins import groq, homemade\n",
        "plugins/livekit/plugins/groq/__init__.py": b"from livekit.agents import llm\n",
    }
    assert converted(files) == files


def test_only_the_rules_that_are_asked_for_act() -> None:
    files = {"requirements.txt": b"livekit-agents[rag]==1.2.1\nlivekit==1.0\nlivekit-plugins-rag\n", "main.py": AGENT}
    assert plan_manifests(files, imported_modules(files), ()).changes == ()
    (change,) = plan_manifests(files, imported_modules(files), {"LK404"}).changes
    assert change.after == files["requirements.txt"].replace(b"livekit==1.0", b"livekit==1.1.21")


def test_a_file_that_is_no_toml_is_left_and_named() -> None:
    files = {"pyproject.toml": b"[project\ndependencies = ['livekit-agents~=1.2']\n"}
    assert converted(files) == files
    assert todos(files) == ["LK401 pyproject.toml:1"]


def test_setup_py_is_only_reported() -> None:
    code = b"""from setuptools import setup

setup(
    name='livekit-plugins-rag',
    install_requires=[
        'livekit-agents~=1.2',
    ],
    python_requires='>=3.8',
)
"""
    assert converted({"setup.py": code}) == {"setup.py": code}
    assert todos({"setup.py": code}) == ["LK401 setup.py:6", "LK406 setup.py:8"]


def test_an_override_in_uv_is_left_to_the_person() -> None:
    project = b'[project]\ndependencies = ["livekit-agents~=1.2"]\n'
    text = project + b'[tool.uv.sources]\nlivekit-agents = { path = "../agents" }\n'
    assert converted({"pyproject.toml": text}) == {"pyproject.toml": text}
    assert todos({"pyproject.toml": text}) == ["LK401 pyproject.toml:2"]


def test_a_lock_beside_a_changed_manifest_is_stale() -> None:
    lock = b'[[package]]\nname = "livekit-agents"\nversion = "1.8.9"\n'
    assert todos({"uv.lock": lock, "pyproject.toml": b'[project]\ndependencies = ["livekit-agents~=1.8"]\n'}) == []
    stale = {"uv.lock": lock, "pyproject.toml": b'[project]\ndependencies = ["livekit-agents~=1.2"]\n'}
    assert todos(stale) == ["LK405 uv.lock:1"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("requirements.txt", True),
        ("requirements/base.txt", True),
        ("app/requirements-dev.in", True),
        ("dev_requirements.txt", True),
        ("docker/Dockerfile.agent", True),
        ("agent.Dockerfile", True),
        ("docker-compose.prod.yml", True),
        ("docs/deploy.md", True),
        ("uv.lock", True),
        ("main.py", False),
        ("notes.txt", False),
        ("data/config.yaml", False),
        ("dockerfile_parser.py", False),
    ],
)
def test_which_files_are_looked_at(path: str, expected: bool) -> None:
    assert is_manifest(path) is expected


def test_what_would_not_be_read_back_is_left_to_the_person() -> None:
    files = {"requirements.txt": b"requests \\", "main.py": AGENT}  # a line added here would continue that one
    assert converted(files) == files
    assert todos(files) == ["LK403 requirements.txt:1"]


ours = st.sampled_from(
    [
        "livekit-agents[openai,silero]~=1.2",
        "livekit-agents",
        "livekit_agents[turn-detector] >=0.12 , <1.0",
        "livekit-plugins-deepgram==0.6.17",
        "livekit-plugins-rag~=0.2",
        "livekit-plugins-turn-detector>=0.4",
        "livekit==0.17.5",
        "openai==1.54.0",
        'livekit-plugins-silero~=1.0 ; python_version > "3.9"',
    ]
)
others = st.sampled_from(
    [
        "httpx",
        "requests==2.31.0  # for the desk",
        "",
        "   ",
        "# livekit-agents is below",
        "-r more.txt",
        "--no-binary :all:",
        "numpy~=2.0",
        "git+https://git.example.org/x@v1#egg=x",
        "not a requirement ((",
        "requests \\",
        "a[b,c]>=1 ; x",
        "é",
    ]
)
lines = st.lists(st.one_of(ours, others), max_size=12)


@settings(max_examples=150, deadline=None)
@given(lines, st.sampled_from(["\n", "\r\n"]), st.booleans())
def test_requirements_other_lines_stay_and_a_second_run_changes_nothing(
    lines: list[str], eol: str, ended: bool
) -> None:
    files = {"requirements.txt": (eol.join(lines) + eol * ended).encode(), "main.py": AGENT}
    once = converted(files)
    assert converted(once) == once
    kept = [line for line in lines if not line.startswith(("livekit", "openai")) and line.strip()]
    after = once["requirements.txt"].decode().splitlines()
    if eol in line_ends(files):
        assert line_ends(once) <= {eol}
    assert [line for line in after if not line.startswith(("livekit", "openai")) and line.strip()] == kept


toml_items = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "livekit-agents~=1.2",
                "livekit-agents[turn-detector]>=1.0",
                "livekit-plugins-rag",
                "livekit==0.9",
                "livekit-plugins-deepgram==1.2.3",
                "httpx",
                "rich>=13,<14",
                "livekit-plugins-turn-detector~=1.0",
            ]
        ),
        st.sampled_from(['"', "'"]),
        st.sampled_from([",\n    ", ", ", ",  # why\n  ", ",\n  # about the next\n  "]),
    ),
    max_size=7,
)


@settings(max_examples=150, deadline=None)
@given(toml_items, st.booleans())
def test_pyproject_other_values_stay_and_a_second_run_changes_nothing(
    items: list[tuple[str, str, str]], comma: bool
) -> None:
    body = "".join(f"{quote}{text}{quote}{separator}" for text, quote, separator in items)
    if not comma:
        body = body.rstrip().removesuffix("# why").removesuffix("# about the next").rstrip().removesuffix(",")
    text = f'[project]\nname = "x"  # mine\ndependencies = [{body}\n]\n\n[tool.x]\nlivekit = "1"\n'
    files = {"pyproject.toml": text.encode(), "main.py": AGENT}
    once = converted(files)
    assert converted(once) == once
    after = once["pyproject.toml"].decode()
    assert after.startswith('[project]\nname = "x"  # mine\ndependencies = [')
    assert after.endswith('\n]\n\n[tool.x]\nlivekit = "1"\n')
    for other in ("httpx", "rich>=13,<14"):
        assert after.count(other) == text.count(other)
    assert after.count("# about the next") == text.count("# about the next")
    if "~=1.2" in text:
        assert "~=1.2" not in after
