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
