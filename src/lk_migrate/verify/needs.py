"""Which environment variables code reads, found in its syntax tree without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path

from dotenv import dotenv_values

#: What a plugin cannot run without (livekit-plugins-* 1.8, their constructors). Any one name of a group is
#: enough.
NEEDED_BY_PLUGIN: dict[str, tuple[tuple[str, ...], ...]] = {
    "anthropic": (("ANTHROPIC_API_KEY",),),
    "assemblyai": (("ASSEMBLYAI_API_KEY",),),
    "aws": (("AWS_ACCESS_KEY_ID", "AWS_PROFILE"), ("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")),
    "azure": (("AZURE_SPEECH_KEY", "AZURE_SPEECH_AUTH_TOKEN"), ("AZURE_SPEECH_REGION", "AZURE_SPEECH_HOST")),
    "baseten": (("BASETEN_API_KEY",),),
    "cartesia": (("CARTESIA_API_KEY",),),
    "cerebras": (("CEREBRAS_API_KEY",),),
    "deepgram": (("DEEPGRAM_API_KEY",),),
    "elevenlabs": (("ELEVEN_API_KEY", "ELEVENLABS_API_KEY"),),
    "fal": (("FAL_KEY",),),
    "gladia": (("GLADIA_API_KEY",),),
    "google": (("GOOGLE_API_KEY", "GEMINI_API_KEY", "GOOGLE_APPLICATION_CREDENTIALS"),),
    "groq": (("GROQ_API_KEY",),),
    "hume": (("HUME_API_KEY",),),
    "inworld": (("INWORLD_API_KEY",),),
    "lmnt": (("LMNT_API_KEY",),),
    "mistralai": (("MISTRAL_API_KEY",),),
    "neuphonic": (("NEUPHONIC_API_KEY", "NEUPHONIC_API_TOKEN"),),
    "openai": (("OPENAI_API_KEY",),),
    "resemble": (("RESEMBLE_API_KEY",),),
    "rime": (("RIME_API_KEY",),),
    "sarvam": (("SARVAM_API_KEY",),),
    "soniox": (("SONIOX_API_KEY",),),
    "speechify": (("SPEECHIFY_API_KEY",),),
    "speechmatics": (("SPEECHMATICS_API_KEY",),),
    "spitch": (("SPITCH_API_KEY",),),
    "xai": (("XAI_API_KEY",),),
}

#: What a worker cannot register without.
NEEDED_BY_WORKER = ("LIVEKIT_URL", "LIVEKIT_API_KEY", "LIVEKIT_API_SECRET")

_NAME = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
_READ_IN_SOURCE = re.compile(r"""(?:environ(?:\.get\(|\[)|getenv\()\s*["']([A-Z][A-Z0-9_]+)["']""")


@dataclass(frozen=True, slots=True)
class Use:
    """A variable that a line of code reads. `required`: it fails there when the variable is not set."""

    name: str
    path: str
    line: int
    required: bool


def parse(file: Path) -> ast.Module | None:
    """The file's syntax tree, or None when this Python cannot read it (the static stage says why)."""
    try:
        return ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError):
        return None


def variables_read(file: Path) -> Iterator[Use]:
    """Every `os.environ[...]`, `os.environ.get(...)` and `os.getenv(...)` with a literal name.

    Where the name is not literal, as in `[name for name in REQUIRED if not os.getenv(name)]`, the names are
    taken from the file's lists, tuples and sets, and count as required, unless a number or what makes one stands
    beside them: `("MAX_DELAY", float)`, `("PORT", 8080)`. What is read only where it was asked for before
    (`if os.getenv("PORT"): port = int(os.environ["PORT"])`) is not required.
    """
    tree = parse(file)
    by_variable = False
    asked = {id(node) for node in _read_if_set(tree)} if tree is not None else set()
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and _ends(node.value, "environ"):
            name, required = node.slice, id(node) not in asked
        elif isinstance(node, ast.Call) and node.args and _reads(node.func):
            name, required = node.args[0], False
        else:
            continue
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            yield Use(name.value, str(file), node.lineno, required)
        else:
            by_variable = True
    if tree is not None and by_variable:
        yield from _listed(tree, file)


def _read_if_set(tree: ast.Module) -> Iterator[ast.expr]:
    """The `os.environ["PORT"]` that only run when the variable is set."""
    for node in ast.walk(tree):
        parts: list[ast.AST] = []
        if isinstance(node, (ast.If, ast.IfExp)):
            known = _asked_for(node.test)
            parts = list(node.body) if isinstance(node, ast.If) else [node.body]
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            known, parts = _asked_for(node.values[0]), list(node.values[1:])
        for part in (each for top in parts for each in ast.walk(top)):
            if isinstance(part, ast.Subscript) and _ends(part.value, "environ") and _text(part.slice) in known:
                yield part


def _asked_for(test: ast.expr) -> set[str]:
    """The variables that are set when `test` holds."""
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return set().union(*map(_asked_for, test.values))
    if isinstance(test, ast.Call) and len(test.args) == 1 and _reads(test.func):
        return {_text(test.args[0])}
    if isinstance(test, ast.Compare) and len(test.ops) == 1:
        if isinstance(test.ops[0], ast.In) and _ends(test.comparators[0], "environ"):
            return {_text(test.left)}
        if isinstance(test.ops[0], (ast.Eq, ast.IsNot)):
            return _asked_for(test.left)
    return set()


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _listed(tree: ast.Module, file: Path) -> Iterator[Use]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            required = not any(map(_converts, node.elts))
            for item in node.elts:
                if isinstance(item, ast.Constant) and isinstance(item.value, str) and _NAME.fullmatch(item.value):
                    yield Use(item.value, str(file), item.lineno, required)


def _converts(node: ast.expr) -> bool:
    """Whether it is a value that is no text, or a type or function that makes one: then the code copes without."""
    if isinstance(node, ast.Constant):
        return not isinstance(node.value, str)
    return isinstance(node, ast.Lambda) or (isinstance(node, ast.Name) and node.id in ("int", "float", "bool"))


def _reads(function: ast.expr) -> bool:
    if _ends(function, "getenv"):
        return True
    return isinstance(function, ast.Attribute) and function.attr == "get" and _ends(function.value, "environ")


def _ends(node: ast.expr, name: str) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr == name) or (isinstance(node, ast.Name) and node.id == name)


def plugins_imported(file: Path) -> Iterator[str]:
    """Names of the livekit plugins that a file imports, as in `livekit.plugins.<name>`."""
    tree = parse(file)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            parts = node.module.split(".")
            if parts[:2] == ["livekit", "plugins"]:
                yield from [parts[2]] if len(parts) > 2 else [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[:2] == ["livekit", "plugins"] and len(parts) > 2:
                    yield parts[2]


@lru_cache(maxsize=64)
def names_in_plugin(folder: Path) -> frozenset[str]:
    """Every variable that an installed plugin's source reads by a literal name."""
    names: set[str] = set()
    for file in folder.rglob("*.py"):
        names.update(_READ_IN_SOURCE.findall(file.read_text(encoding="utf-8", errors="replace")))
    return frozenset(names)


def set_in_dotenv(root: Path) -> dict[str, str]:
    """Variable → the .env file of a project's root that sets it."""
    where: dict[str, str] = {}
    for name in (".env", ".env.local"):
        file = root / name
        if file.is_file():
            where.update(dict.fromkeys(names_in_dotenv(file.read_text(encoding="utf-8", errors="replace")), name))
    return where


def names_in_dotenv(text: str) -> frozenset[str]:
    """The variables that a .env file sets to something. Values are looked at for emptiness only."""
    return frozenset(name for name, value in dotenv_values(stream=StringIO(text), interpolate=False).items() if value)
