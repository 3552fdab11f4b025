"""Which of LiveKit's modules a project's code imports: what its manifests have to provide.

Only `ast`, and only files that name livekit at all, so that it costs little. A plugin that is named in a string
(`importlib.import_module("livekit.plugins.openai")`) counts as imported: it must not be taken out. One that is
imported under `except ImportError` counts as optional (`livekit.plugins.openai?`): not taken out, and not added.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping

from lk_migrate.facts.syntax import read_syntax

_PLUGINS = "livekit.plugins"
_MODULE = re.compile(r"\blivekit\.plugins\.([a-z][a-z0-9_]*)")

#: Names of livekit.agents that import the `mcp` package when they are used.
_MCP = re.compile(r"mcp|MCPServer\w*|MCPTool\w*")

#: Ends the name of a module that the code can do without.
OPTIONAL = "?"

#: What `imported_modules` calls the use of those names.
MCP = "livekit.agents.mcp"


def imported_modules(files: Mapping[str, bytes]) -> dict[str, frozenset[str]]:
    """Path → `livekit.plugins.<x>`, `livekit.agents`, `livekit.agents.mcp`, `openai`, as far as the file imports them.

    Takes path → bytes and looks at the Python files. Files that import nothing of LiveKit are left out.
    """
    speaking = ((p, data) for p, data in files.items() if p.endswith(".py") and b"livekit" in data)
    found = {p: frozenset(_modules_of(data)) for p, data in speaking if _may_import(data)}
    return {path: modules for path, modules in found.items() if any(m.startswith("livekit") for m in modules)}


_WORD = re.compile(rb"\blivekit\b")


def _may_import(data: bytes) -> bool:
    """Whether it may be imported, or named in a text: many files of a program do no more than speak of it."""
    for word in _WORD.finditer(data):
        before = data[max(0, word.start() - 99) : word.start()].rstrip(b" \t\f\r\n\\")
        if not before or before.endswith((b"from", b"import", b",")):
            return True
    return _PLUGINS.encode() in data


def _modules_of(data: bytes) -> Iterator[str]:
    try:
        tree = read_syntax(data)
    except SyntaxError:  # not ours to report; better too many than too few
        yield from (f"{_PLUGINS}.{name}" for name in _MODULE.findall(data.decode("utf-8", "replace")))
        if re.search(rb"^\s*(from|import)\s+livekit\b", data, re.M):
            yield "livekit"
        return
    nodes = _nodes(tree, _TOLD if _is_spoken_of(data) else _IMPORTING)
    tries = (node for node in nodes if isinstance(node, ast.Try) and _copes_without(node))
    guarded = {id(n) for node in tries for part in node.body for n in ast.walk(part)}
    plugins = {"livekit.plugins"}  # spellings of the package in this file
    agents = False
    for node in nodes:
        for module, name, bound in _imported_names(node):
            full = f"{module}.{name}" if name else module
            if full == _PLUGINS and name:
                plugins.add(bound)
            agents = agents or full.startswith("livekit.agents")
            yield from (m + OPTIONAL if id(node) in guarded and m.startswith(_PLUGINS) else m for m in _named(full))
    for node in nodes:
        if isinstance(node, ast.Attribute):
            if _dotted(node.value) in plugins:
                yield f"{_PLUGINS}.{node.attr}"
            elif agents and _MCP.fullmatch(node.attr):
                yield MCP
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (f"{_PLUGINS}.{name}" for name in _MODULE.findall(node.value))


_IMPORTING = frozenset({ast.Import, ast.ImportFrom, ast.Try})
_TOLD = _IMPORTING | {ast.Attribute, ast.Constant}
_PLUGINS_WORD = re.compile(rb"plugins\b")


def _is_spoken_of(data: bytes) -> bool:
    """Whether more than imports may say something. If not, expressions need not be walked."""
    if b"mcp" in data or b"MCP" in data:
        return True
    before = (data[: word.start()][-32:] for word in _PLUGINS_WORD.finditer(data))
    return any(not _BEFORE_PLUGINS.search(text) for text in before)


#: An import of it, or the end of another word.
_BEFORE_PLUGINS = re.compile(rb"(?:\b(?:from|import) livekit\.|\w)\Z")


def _nodes(tree: ast.AST, kinds: frozenset[type[ast.AST]]) -> list[ast.AST]:
    """The nodes of these kinds. `ast.walk` takes twice as long, and there may be many files."""
    found: list[ast.AST] = []
    stack = [tree]
    skipped = ast.expr if kinds is _IMPORTING else ()
    while stack:
        node = stack.pop()
        if type(node) in kinds:
            found.append(node)
        if isinstance(node, skipped):
            continue
        for name in node._fields:
            value = getattr(node, name, None)
            if type(value) is list:
                stack += [item for item in value if isinstance(item, ast.AST)]
            elif isinstance(value, ast.AST):
                stack.append(value)
    return found


def _copes_without(node: ast.Try) -> bool:
    """A `try` whose handlers go on when an import fails."""
    caught = [h.type for h in node.handlers if not any(isinstance(s, ast.Raise) for s in h.body)]
    names = {n for t in caught for n in ([""] if t is None else [_dotted(e) for e in getattr(t, "elts", [t])])}
    return bool(names & {"", "ImportError", "ModuleNotFoundError", "Exception"})


def _dotted(node: ast.expr) -> str:
    """`livekit.plugins` for such an attribute, "" for what is no plain dotted name."""
    if isinstance(node, ast.Name):
        return node.id
    base = _dotted(node.value) if isinstance(node, ast.Attribute) else ""
    return f"{base}.{node.attr}" if base and isinstance(node, ast.Attribute) else ""


def _imported_names(node: ast.AST) -> Iterator[tuple[str, str, str]]:
    """Module, name ("" for `import module`), and what the name is called in this file."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, "", alias.asname or alias.name) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        yield from ((node.module, alias.name, alias.asname or alias.name) for alias in node.names)


def _named(full: str) -> Iterator[str]:
    parts = full.split(".")
    if full.startswith(_PLUGINS + ".") and parts[2] != "*":
        yield ".".join(parts[:3])
    elif parts[:2] == ["livekit", "agents"]:
        yield "livekit.agents"
        if any(_MCP.fullmatch(part) for part in parts[2:]):
            yield MCP
    elif parts[0] in ("livekit", "openai"):
        yield parts[0]
