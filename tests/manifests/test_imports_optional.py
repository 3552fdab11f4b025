"""A plugin that the code can do without is not added to the requirements, and not taken out of them."""

from __future__ import annotations

from lk_migrate.manifests.imports import imported_modules
from lk_migrate.manifests.plan import plan_manifests

OPTIONAL_PLUGIN = b"""
from livekit.agents import AgentSession
from livekit.plugins import openai

try:
    from livekit.plugins import deepgram
except ImportError:
    deepgram = None

try:
    from livekit.plugins import cartesia
except ImportError as error:
    raise SystemExit("pip install cartesia") from error
"""


def converted(requirements: bytes) -> bytes:
    files = {"main.py": OPTIONAL_PLUGIN, "requirements.txt": requirements}
    made = plan_manifests(files, imported_modules(files))
    return next((c.after for c in made.changes if c.after is not None), requirements)


def test_an_optional_plugin_is_not_added_but_a_demanded_one_is() -> None:
    after = converted(b"livekit-agents[openai]~=1.2\n")
    assert b"deepgram" not in after
    assert b"cartesia" in after and b"~=1.8" in after


def test_an_optional_plugin_that_is_named_stays() -> None:
    assert b"livekit-plugins-deepgram~=1.8" in converted(
        b"livekit-agents[cartesia,openai]~=1.2\nlivekit-plugins-deepgram~=1.2\n"
    )
