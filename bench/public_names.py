"""Writes, or checks, the table of public names that `convert` compares people's imports with.

    python bench/public_names.py            # rewrite src/lk_migrate/facts/public_names.txt from what is installed
    python bench/public_names.py --check    # exit 1 and say what differs

Needs the target's packages. Modules are imported, and every name they have without an underscore counts: a name that
can be imported today must never be called missing, whether it is documented or not.
"""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).parent.parent / "src" / "lk_migrate" / "facts" / "public_names.txt"
#: The roots that are known completely: their names depend on no optional package.
ROOTS = (
    "livekit.agents",
    "livekit.agents.cli",
    "livekit.agents.inference",
    "livekit.agents.ipc",
    "livekit.agents.job",
    "livekit.agents.llm",
    "livekit.agents.metrics",
    "livekit.agents.stt",
    "livekit.agents.tokenize",
    "livekit.agents.tts",
    "livekit.agents.types",
    "livekit.agents.utils",
    "livekit.agents.vad",
    "livekit.agents.voice",
    "livekit.agents.voice.room_io",
    "livekit.agents.worker",
    "livekit.api",
    "livekit.protocol",
    "livekit.rtc",
)
#: Classes whose keywords are known completely (no `**kwargs`).
CLASSES = ("livekit.agents.Agent", "livekit.agents.AgentSession")
#: Methods whose keywords are known completely.
METHODS = ("AgentSession.generate_reply", "AgentSession.say", "AgentSession.start")
#: Classes whose instances' attributes are known completely (no `__getattr__`).
INSTANCES = ("livekit.agents.AgentSession", "livekit.agents.JobContext", "livekit.agents.RunContext")

#: Enumerations, whose members are asked for by name.
ENUMERATIONS = (
    "livekit.agents.AutoSubscribe",
    "livekit.agents.stt.SpeechEventType",
    "livekit.agents.vad.VADEventType",
    "livekit.rtc.ConnectionQuality",
    "livekit.rtc.ConnectionState",
    "livekit.rtc.DataPacketKind",
    "livekit.rtc.DisconnectReason",
    "livekit.rtc.EncryptionState",
    "livekit.rtc.EncryptionType",
    "livekit.rtc.ParticipantKind",
    "livekit.rtc.StreamState",
    "livekit.rtc.TrackKind",
    "livekit.rtc.TrackSource",
)


def names(root: str) -> list[str]:
    """Everything that `from root import …` can give: attributes, and submodules that are not imported yet."""
    module = importlib.import_module(root)
    found = {name for name in dir(module) if not name.startswith("_")}
    found |= set(getattr(module, "__all__", ()))
    found |= {info.name for info in pkgutil.iter_modules(getattr(module, "__path__", ())) if info.name[0] != "_"}
    found |= lazy(Path(module.__file__ or ""))
    return sorted(found)


def members(path: str) -> list[str]:
    """What an enumeration answers to; a protobuf one keeps its members out of `dir`."""
    root, _, name = path.rpartition(".")
    enumeration = getattr(importlib.import_module(root), name)
    found = {each for each in dir(enumeration) if not each.startswith("_")}
    return sorted(found if isinstance(enumeration, type) else found | set(enumeration.keys()))


def lazy(path: Path) -> set[str]:
    """The names that a module's `__getattr__` answers to (PEP 562), as its source has them."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name == "__getattr__"]
    texts = [
        n.value for f in functions for n in ast.walk(f) if isinstance(n, ast.Constant) and isinstance(n.value, str)
    ]
    return {text for text in texts if text.isidentifier()}


def attributes(cls: type) -> list[str]:
    """What an instance has: methods, properties, and what its classes' methods assign to `self`."""
    found = {name for name in dir(cls) if not name.startswith("_")}
    for owner in cls.__mro__:
        if owner.__module__.startswith("livekit"):
            found |= set(re.findall(r"\bself\.([a-z]\w*)\s*(?::[^=\n]+)?=[^=]", inspect.getsource(owner)))
    return sorted(found)


def lines() -> Iterator[str]:
    versions = [f"{p} {importlib.metadata.version(p)}" for p in ("livekit-agents", "livekit", "livekit-api")]
    yield f"# {', '.join(versions)}: written by bench/public_names.py"
    for root in ROOTS:
        yield f"{root}: {' '.join(names(root))}"
    for path in CLASSES:
        root, _, name = path.rpartition(".")
        signature = inspect.signature(getattr(importlib.import_module(root), name).__init__)
        yield f"{path}(): {' '.join(sorted(set(signature.parameters) - {'self'}))}"
    for path in METHODS:
        cls, _, name = path.partition(".")
        signature = inspect.signature(getattr(getattr(importlib.import_module("livekit.agents"), cls), name))
        yield f"livekit.agents.{path}(): {' '.join(sorted(set(signature.parameters) - {'self'}))}"
    for path in ENUMERATIONS:
        yield f"{path}{{}}: {' '.join(members(path))}"
    for path in INSTANCES:
        root, _, name = path.rpartition(".")
        yield f"{path}().: {' '.join(attributes(getattr(importlib.import_module(root), name)))}"


def main(arguments: list[str]) -> int:
    text = "\n".join(lines()) + "\n"
    if "--check" not in arguments:
        TABLE.write_text(text, encoding="utf-8")
        return 0
    known = TABLE.read_text(encoding="utf-8")
    if known == text:
        return 0
    for old, new in zip(known.splitlines(), text.splitlines(), strict=False):
        differing = set(old.split()) ^ set(new.split())
        if differing:
            print(f"{new.split(':')[0]}: {' '.join(sorted(differing))}")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
