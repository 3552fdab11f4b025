"""Writes, or checks, the table of what plugins' constructors, adapters and the server's requests take.

    python bench/constructor_keywords.py            # rewrite src/lk_migrate/facts/constructor_keywords.txt
    python bench/constructor_keywords.py --check    # exit 1 where what is installed differs from the table

Writing needs every plugin of the 1.8 line installed that is to be in the table; checking compares those that are there.
A constructor that takes `**kwargs` is left out: it refuses nothing.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import livekit.api
import livekit.plugins
from google.protobuf.message import Message
from livekit.agents import llm, stt, tts, vad

TABLE = Path(__file__).parent.parent / "src" / "lk_migrate" / "facts" / "constructor_keywords.txt"
#: What a session is given; avatars have no common base.
MODELS = (llm.LLM, llm.RealtimeModel, stt.STT, tts.TTS, vad.VAD)
#: Modules of the core that have models and adapters, too.
CORE = ("livekit.agents.inference", "livekit.agents.llm", "livekit.agents.stt", "livekit.agents.tts")
#: Below a plugin's package, where its models are spelled, too.
BELOW = ("realtime", "responses", "beta", "beta.realtime")


def keywords(function: Callable[..., object]) -> list[str] | None:
    """None for what takes any, and for what cannot be asked."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in parameters):
        return None
    return sorted(p.name for p in parameters if p.kind is not p.POSITIONAL_ONLY and p.name not in ("self", "cls"))


def constructors(module: ModuleType, name: str) -> Iterator[tuple[str, Callable[..., object]]]:
    """Of the models that a module shows: what they are made with."""
    for each, cls in sorted(vars(module).items()):
        is_model = inspect.isclass(cls) and (issubclass(cls, MODELS) or each == "AvatarSession")
        if each.startswith("_") or not is_model or cls in MODELS:
            continue
        yield f"{name}.{each}", cls.__init__
        for maker in sorted(vars(cls)):
            if maker.startswith("with_") or maker == "load":
                yield f"{name}.{each}.{maker}", getattr(cls, maker)


def found() -> Iterator[tuple[str, list[str]]]:
    plugins = [f"livekit.plugins.{p.name}" for p in pkgutil.iter_modules(livekit.plugins.__path__)]
    for root in (*CORE, *sorted(plugins)):
        for path in (root, *(f"{root}.{below}" for below in BELOW)):
            try:
                module = importlib.import_module(path)
            except ImportError:
                continue
            for name, function in constructors(module, path):
                taken = keywords(function)
                if taken is not None:
                    yield name, taken
    for name, message in sorted(vars(livekit.api).items()):
        if inspect.isclass(message) and issubclass(message, Message):
            yield f"livekit.api.{name}", sorted(message.DESCRIPTOR.fields_by_name)


def lines() -> list[str]:
    return [f"{name}: {' '.join(taken)}" for name, taken in found()]


def main(arguments: list[str]) -> int:
    if "--check" not in arguments:
        versions = ", ".join(f"{p} {importlib.metadata.version(p)}" for p in ("livekit-agents", "livekit-api"))
        head = f"# {versions}, and their plugins: written by bench/constructor_keywords.py"
        TABLE.write_text("\n".join([head, *lines()]) + "\n", encoding="utf-8")
        return 0
    known = set(TABLE.read_text(encoding="utf-8").splitlines())
    differing = [line for line in lines() if line not in known]
    print("\n".join(differing))
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
