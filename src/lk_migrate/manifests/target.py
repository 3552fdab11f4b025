"""What the target release of livekit-agents asks of a project: packages, versions, Python.

Source: the metadata of livekit-agents 1.8.9, livekit-plugins-openai 1.8.9 and livekit-plugins-silero 1.8.9
(`Requires-Dist`, `Provides-Extra`, `Requires-Python`), and the package index for what has no 1.8 release.
"""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass

AGENTS = "livekit-agents"
PLUGIN = "livekit-plugins-"

#: The release line of the output, as in `livekit-agents~=1.8`.
LINE = "1.8"


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a pin is raised to: `line` is the oldest that will do, `version` the one that was tested."""

    line: str
    version: str


@dataclass(frozen=True, slots=True)
class Need:
    """A range (PEP 440) that livekit-agents demands of another package; outside it, pip finds no solution.

    `goal` is None where raising the pin could break the person's own code: then it is only reported.
    """

    specifier: str
    goal: Goal | None = None


#: Plugins that share the framework's version number, by the name of the extra.
_EXTRA_NAMES = """
    anam anthropic assemblyai asyncai avatario avatartalk aws azure baseten bey bithuman bland boson-avatar
    cambai cartesia cerebras clova deepgram did elevenlabs fal fireworksai fishaudio gladia gnani google
    gradium groq hamming hume inworld keyframe langchain lemonslice liveavatar lmnt meta microsoft-ai minimax
    mistralai murf nabrah neuphonic nltk nvidia openai palabra perplexity phonic protoface resemble respeecher
    rime rtzr runway sarvam silero simli simplismart slng smallestai soniox spatius speechify speechmatics
    spitch synthesia tavus thunderphone trugen turn-detector typesafe ultravox upliftai vakyam xai
"""
_EXTRAS = frozenset(_EXTRA_NAMES.split())

#: Extras of livekit-agents whose package is not named after them.
_PACKAGE_OF_EXTRA = {"minimax": "minimax-ai"}
_EXTRA_OF_PACKAGE = {package: extra for extra, package in _PACKAGE_OF_EXTRA.items()}

#: Extras that are no plugin on the shared version number; all of them still exist.
OTHER_EXTRAS = frozenset({"browser", "codecs", "images", "mcp"})

#: Plugins that count their versions by themselves; any of their releases installs next to 1.8.
OWN_LINE = frozenset(PLUGIN + name for name in ("ai-coustics", "browser", "krisp", "noise-cancellation"))

#: Plugins without a release for the current line, and the last one there was ("" where none is known).
GONE = {
    PLUGIN + "llama-index": "0.2.4",
    PLUGIN + "playai": "1.2.15",
    PLUGIN + "playht": "",
    PLUGIN + "rag": "1.0.13",
}

#: Deprecated since 1.6.1: `livekit.agents.inference.TurnDetector` takes its place and needs no package.
TURN_DETECTOR = PLUGIN + "turn-detector"

#: The Python versions that livekit-agents 1.8.9 runs on: at least, and below.
PYTHON_FLOOR = (3, 10)
PYTHON_CEILING = (3, 15)

#: Core's own requirements that pins of older projects are known to collide with. `openai` is what
#: livekit-plugins-openai 1.8.9 asks (core alone: >=3.19).
NEEDS = {
    "livekit": Need("==1.1.21", Goal("1.1", "1.1.21")),
    "livekit-api": Need(">=1.2.0,<2", Goal("1.2", "1.2.2")),
    "livekit-protocol": Need(">=1.1.28,<2", Goal("1.1.28", "1.1.29")),
    "openai": Need(">=3.28,<4", Goal("3.28", "3.54.0")),
    "aiofiles": Need(">=24"),
    "aiohttp": Need(">=3.10,<4"),
    "av": Need(">=14.0.0"),
    "certifi": Need(">=2025.6.15"),
    "click": Need(">=8.1,<9"),
    "colorama": Need(">=0.4.6"),
    "docstring-parser": Need(">=0.16"),
    "httpx2": Need(">=2.12,<3"),
    "json-repair": Need("==0.63.5"),
    "nest-asyncio": Need(">=1.6.0"),
    "numpy": Need(">=1.26.0"),
    "opentelemetry-api": Need(">=1.45,<1.46"),
    "opentelemetry-exporter-otlp": Need(">=1.45,<1.46"),
    "opentelemetry-sdk": Need(">=1.45,<1.46"),
    "prometheus-client": Need(">=0.22"),
    "psutil": Need(">=7.0"),
    "pydantic": Need(">=2.5,<3"),
    "pyjwt": Need(">=2.0"),
    "pyyaml": Need(">=6.0.3"),
    "sounddevice": Need(">=0.5"),
    "typer": Need(">=0.15.1"),
    "types-protobuf": Need(">=4"),
    "typing-extensions": Need(">=4.12"),
    "watchfiles": Need(">=1.0"),
}

#: What only some projects need: the extra that asks for it.
NEEDS_OF_EXTRA = {"mcp": {"mcp": Need(">=2.2,<3")}}


def goal_of(package: str) -> Goal | None:
    """Where a pin on livekit-agents or one of its plugins goes; None for a package with its own version line."""
    if package == PLUGIN + "bithuman":  # the extra asks for 1.8.10
        return Goal(LINE, "1.8.10")
    if package == AGENTS or extra_of(package) in _EXTRAS:
        return Goal(LINE, "1.8.9")
    return None


def extra_of(package: str) -> str | None:
    """`livekit-plugins-openai` → `openai`; None when livekit-agents has no extra for the package."""
    if not package.startswith(PLUGIN):
        return None
    name = package.removeprefix(PLUGIN)
    extra = _EXTRA_OF_PACKAGE.get(name, name)
    return extra if extra in _EXTRAS or extra in OTHER_EXTRAS else None


def is_released(package: str) -> bool:
    """Whether a plugin package is known to have a release that works with the target."""
    return package in OWN_LINE or goal_of(package) is not None


def package_of_extra(extra: str) -> str:
    """`openai` → `livekit-plugins-openai`, whether or not livekit-agents still has that extra."""
    return PLUGIN + _PACKAGE_OF_EXTRA.get(extra, extra)


def package_of_module(module: str) -> str | None:
    """`livekit.plugins.turn_detector` → `livekit-plugins-turn-detector`; None for other modules."""
    prefix = "livekit.plugins."
    return package_of_extra(module.removeprefix(prefix).replace("_", "-")) if module.startswith(prefix) else None


def packages_of(modules: Set[str]) -> frozenset[str]:
    """The plugin packages that code with these imports needs."""
    return frozenset(package for module in modules if (package := package_of_module(module)))
