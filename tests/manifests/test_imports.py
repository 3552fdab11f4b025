"""What a file imports of LiveKit, in all the ways people write it."""

from __future__ import annotations

import pytest

from lk_migrate.manifests.imports import imported_modules


@pytest.mark.parametrize(
    ("code", "modules"),
    [
        ("from livekit.plugins import openai, silero as vad", {"livekit.plugins.openai", "livekit.plugins.silero"}),
        ("from livekit.plugins.turn_detector.english import EnglishModel", {"livekit.plugins.turn_detector"}),
        ("import livekit.plugins.groq as fast", {"livekit.plugins.groq"}),
        ("from livekit import plugins as p\np.deepgram.STT()", {"livekit", "livekit.plugins.deepgram"}),
        ("import livekit.plugins\nlivekit.plugins.rime.TTS()", {"livekit", "livekit.plugins.rime"}),
        ('import importlib\nimportlib.import_module("livekit.plugins.rag")', {"livekit.plugins.rag"}),
        ("from livekit.agents import Agent, mcp", {"livekit.agents", "livekit.agents.mcp"}),
        ("from livekit.agents import llm\nllm.mcp.MCPToolset", {"livekit.agents", "livekit.agents.mcp"}),
        ("from livekit import rtc\nimport openai", {"livekit", "openai"}),
        ("from livekit.plugins import (\n    openai,\n  broken", {"livekit"}),
    ],
)
def test_imports(code: str, modules: set[str]) -> None:
    assert imported_modules({"a.py": code.encode()}) == {"a.py": frozenset(modules)}


@pytest.mark.parametrize(
    "code",
    ["# from livekit.plugins import openai", "import openai", "from .livekit import plugins", "livekit_url = 1"],
)
def test_no_imports(code: str) -> None:
    assert imported_modules({"a.py": code.encode(), "notes.txt": b"import livekit.agents"}) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"import os, livekit.plugins.openai as o\n",
        b"import \\\n    livekit.plugins.openai\n",
        b"def f():\n\tfrom\tlivekit.plugins import openai\n",
        b"if x: from livekit.plugins import openai\n",
        b"x = __import__('livekit.plugins.openai')\n",
    ],
)
def test_however_it_is_imported(data: bytes) -> None:
    assert "livekit.plugins.openai" in imported_modules({"a.py": data})["a.py"]


def test_a_file_that_only_speaks_of_livekit_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(data: bytes) -> None:
        raise AssertionError(data)

    monkeypatch.setattr("lk_migrate.manifests.imports.read_syntax", read)
    data = b"from services import livekit_service\n\nURL = 'wss://livekit'  # of livekit\nlivekit = connect(URL)\n"
    assert imported_modules({"a.py": data}) == {}
