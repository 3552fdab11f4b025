"""What a file surely defines at its top level, without LibCST's parser: by its bytes, or by Python's own parser."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from lk_migrate.facts.syntax import syntax_of

#: A `class` derives from nothing, a `subclass` from something; a `value` is no other name of anything.
Definition = Literal["class", "subclass", "def", "value"]


@lru_cache(maxsize=1024)
def sure_definition(data: bytes, name: str) -> Definition | None:
    """How `name` is defined at the top level, when that is the one thing that it can be in this file; None in doubt."""
    found = _by_bytes(data, name)
    if found is None and b"livekit" not in data:  # (one that speaks of LiveKit is parsed sooner or later)
        return _by_syntax(data).get(name)
    return found


def _by_bytes(data: bytes, name: str) -> Definition | None:
    """In doubt (a string that looks like code, another binding of the name, an import of it) the answer is None."""
    spelled = name.encode()
    if b"class " + spelled not in data and b"def " + spelled not in data:
        return None  # (most are defined elsewhere, and a pattern takes longer to compile than to search)
    word = re.escape(spelled)
    found = re.search(rb"^(class|(?:async[ \t]+)?def)[ \t]+%s\b([ \t]*(?:\([ \t]*\))?[ \t]*:)?" % word, data, re.M)
    if found is None:
        return None
    before = data[: found.start()]
    if before.count(b'"""') % 2 or before.count(b"'''") % 2:
        return None
    bound = rb"(?<![\w.])(?<!^class )%s[ \t]*[=:,)\]]|\bas[ \t]+%s\b|\bfor[ \t]+%s\b" % (word, word, word)
    if re.search(bound, data, re.M) or any(re.search(rb"\b%s\b" % word, line) for line in _imports(data)):
        return None
    if found.group(1) != b"class":
        return "def"
    return "class" if found.group(2) else "subclass"


def _imports(data: bytes) -> list[bytes]:
    """The import statements, their brackets included."""
    return re.findall(rb"^(?:\xef\xbb\xbf)?[ \t]*(?:from|import)\b[^\n\r(]*(?:\([^)]*\))?", data, re.M)


@lru_cache(maxsize=256)
def _by_syntax(data: bytes) -> Mapping[str, Definition]:
    """What the statements of the top level define, each name bound nowhere else in the module's scope."""
    tree = syntax_of(data)
    if tree is None or b":=" in data:
        return {}
    bound: Counter[str] = Counter()
    found: dict[str, Definition] = {}
    for names in re.findall(rb"\bglobal[ \t]+([^\n\r;#]+)", data):
        bound.update({name.strip().decode("utf-8", "replace"): 2 for name in names.split(b",")})
    for statement in tree.body:
        for name, definition in _bound_by(statement):
            bound[name] += 1
            if definition is not None:
                found[name] = definition
    return {name: definition for name, definition in found.items() if bound[name] == 1}


def _bound_by(statement: ast.stmt) -> Iterator[tuple[str, Definition | None]]:
    """The names that a statement of the top level binds, and what they are where that is plain to see."""
    match statement:
        case ast.ClassDef():
            yield statement.name, "subclass" if statement.bases or statement.keywords else "class"
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            yield statement.name, "def"
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            yield name, None if isinstance(statement.value, (ast.Name, ast.Attribute, type(None))) else "value"
        case ast.Expr():
            pass
        case _:
            for node in ast.walk(statement):
                for name in _names(node):
                    yield name, None


def _names(node: ast.AST) -> Iterator[str]:
    """What a node binds (or unbinds) by itself, wherever it stands: rather one too many."""
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
            yield name
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            yield name
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
        case ast.alias():
            yield (node.asname or node.name).partition(".")[0]
