"""One Python file, understood: its tree, its index, its import table, its top-level definitions."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import cast

import libcst as cst

from lk_migrate.facts.imports import (
    ImportedName,
    References,
    Scope,
    dotted,
    imported_names,
    names_bound_by,
    references,
    target_names,
)
from lk_migrate.facts.parsing import parse
from lk_migrate.facts.positions import Positions, Span
from lk_migrate.facts.statement_spans import Place
from lk_migrate.facts.stray_bytes import STRAY, has_stray_bytes
from lk_migrate.facts.syntax import read_syntax, syntax_of
from lk_migrate.facts.walk import Index, children, index

_FUNCTIONS_AND_MODULE = frozenset({cst.FunctionDef, cst.Lambda, cst.Module})
_LINES = frozenset({cst.IndentedBlock, cst.SimpleStatementLine, cst.SimpleStatementSuite})


@dataclass(frozen=True)
class Module:
    """A parsed file. `path` is relative to the root; `name` its dotted name from the root."""

    path: str
    name: str
    data: bytes
    tree: cst.Module

    @classmethod
    def parse(cls, path: str, data: bytes) -> Module:
        """Parse bytes, so that encoding, BOM and line ends come back as they were.

        Raises `libcst.ParserSyntaxError`, `UnicodeError` or `SyntaxError` for what cannot be parsed.
        """
        try:
            tree = parse(data)
        except (UnicodeDecodeError, SyntaxError):  # the latter when the byte stands in the first two lines
            if not has_stray_bytes(data):
                raise
            tree = parse(data.decode(STRAY), STRAY)
        if _ESCAPE.search(data):
            _check_escapes(data)
        return cls(path, module_name(path), data, tree)

    @property
    def package(self) -> str:
        """The dotted package that relative imports start from."""
        return self.name if self.path.endswith("__init__.py") else self.name.rpartition(".")[0]

    def forget_places(self) -> None:
        """Free what was worked out of the text (it outweighs the tree); whoever asks again has it worked out again."""
        for name in ("text", "positions"):
            self.__dict__.pop(name, None)

    def forget(self) -> None:
        """Free the tree and all that was found out; whoever still holds the module has an empty shell."""
        vars(self).clear()

    @cached_property
    def index(self) -> Index:
        return index(self.tree)

    @cached_property
    def names(self) -> dict[str, list[cst.Name]]:
        """Every plain name of the file by its text, in source order."""
        found: dict[str, list[cst.Name]] = {}
        for node in self.index.of(cst.Name):
            found.setdefault(node.value, []).append(node)
        return found

    @cached_property
    def calls(self) -> dict[str, list[cst.Call]]:
        """The calls of names and attributes by the last name of what is called, in source order."""
        found: dict[str, list[cst.Call]] = {}
        for node in self.index.of(cst.Call):
            func = node.func
            name = func if type(func) is cst.Name else func.attr if type(func) is cst.Attribute else None
            if name is not None:
                found.setdefault(name.value, []).append(node)
        return found

    @cached_property
    def keywords(self) -> dict[str, list[cst.Call]]:
        """The calls by the keywords that they give, in source order. One that gives a keyword twice is no Python,
        although it can be parsed: it is left out.
        """
        found: dict[str, list[cst.Call]] = {}
        for call in self.index.of(cst.Call):
            names = [arg.keyword.value for arg in call.args if arg.keyword is not None]
            if len(set(names)) == len(names):
                for name in names:
                    found.setdefault(name, []).append(call)
        return found

    @cached_property
    def references(self) -> References:
        """The plain names in use, and where among the nodes of the index they stand (see `referenced_names`)."""
        return references(self.index)

    @cached_property
    def text(self) -> str:
        """The file decoded as LibCST did, without a byte order mark."""
        return self.data.decode(self.tree.encoding, "replace").removeprefix("\ufeff")

    @property
    def syntax(self) -> ast.Module | None:
        """The file by Python's own parser; None when it is newer than this Python, or nothing Python reads.

        Not kept: it is bigger than LibCST's tree, and `read_syntax` remembers the last few.
        """
        return syntax_of(self.data)

    @cached_property
    def positions(self) -> Positions:
        return Positions(self.tree, self.index, self.text, partial(syntax_of, self.data))

    def span(self, node: cst.CSTNode) -> Span:
        """Where `node` stands. Nodes without a position of their own take the span of what they hold."""
        place = self._held(node)
        if place is not None:
            return Span(*place)
        parent = self.index.parents.get(node)
        return self.span(parent) if parent is not None else Span(1, 0, 1, 0)

    def first_line(self, node: cst.CSTNode) -> int:
        """Where a statement begins: at its decorators, if it has any."""
        decorators = getattr(node, "decorators", ())
        return self.span(decorators[0] if decorators else node).line

    def lines_of(self, node: cst.CSTNode) -> str:
        """The text of the lines that `node` stands on."""
        span, starts = self.span(node), self.positions.line_starts
        return self.text[starts[span.line - 1] : starts[span.end_line]]

    def _held(self, node: cst.CSTNode) -> Place | None:
        place = self.positions.place(node)
        if place is not None:
            return place
        inside = [p for p in map(self._held, children(node)) if p is not None]
        return (*min(i[:2] for i in inside), *max(i[2:] for i in inside)) if inside else None

    @cached_property
    def imports(self) -> list[ImportedName]:
        return imported_names(self.index, self.package)

    @cached_property
    def stars(self) -> tuple[ImportedName, ...]:
        """What is imported with `from … import *`."""
        return tuple(item for item in self.imports if item.local == "*")

    def may_be_imported(self, expression: cst.CSTNode) -> bool:
        """A cheap question before a dear one: whether the first name of a dotted `expression` is imported here.

        A star import makes every name possible.
        """
        while type(expression) is cst.Attribute:
            expression = expression.value
        return type(expression) is cst.Name and (expression.value in self._by_local or "*" in self._by_local)

    def may_be_foreign(self, expression: cst.CSTNode) -> bool:
        """Whether a dotted `expression` can stand for anything that is not this module's own.

        Its first name is imported here, or is another name (`Base = agents.Agent`) at module level.
        """
        while type(expression) is cst.Attribute:
            expression = expression.value
        return type(expression) is cst.Name and (expression.value in self._foreign or "*" in self._by_local)

    @cached_property
    def foreign(self) -> dict[type[cst.CSTNode], list[cst.CSTNode]] | None:
        """What `may_be_foreign` says yes to, names, attributes and calls of these each in source order; None for
        everything. Names of attributes and of keywords are no names here.
        """
        if "*" in self._by_local:
            return None
        found: dict[type[cst.CSTNode], list[cst.CSTNode]] = {}
        above = self.index.above
        for name in (node for word in self._foreign for node in self.names.get(word, ())):
            node: cst.CSTNode = name
            parent = above[id(node)]
            if (type(parent) is cst.Attribute and parent.attr is node) or getattr(parent, "keyword", None) is node:
                continue
            found.setdefault(cst.Name, []).append(node)
            while type(parent) is cst.Attribute:
                found.setdefault(cst.Attribute, []).append(parent)
                node, parent = parent, above[id(parent)]
            if type(parent) is cst.Call and parent.func is node:
                found.setdefault(cst.Call, []).append(parent)
        for nodes in found.values():
            nodes.sort(key=self.index.number)
        return found

    @cached_property
    def _foreign(self) -> frozenset[str]:
        aliases = (name for name, node in self.definitions.items() if type(node) in (cst.Name, cst.Attribute))
        return frozenset((*self._by_local, *aliases))

    @cached_property
    def last_names(self) -> dict[str, str]:
        """Local name → the last part of what it was imported as (of several imports, the last one's)."""
        return {item.local: item.target.rpartition(".")[2] for item in self.imports}

    @cached_property
    def renamed(self) -> frozenset[str]:
        """The names that `import … as …` gives."""
        return frozenset(i.local for i in self.imports if i.alias is not None and i.alias.asname)

    @cached_property
    def _by_local(self) -> dict[str, list[ImportedName]]:
        table: dict[str, list[ImportedName]] = {}
        for item in self.imports:
            table.setdefault(item.local, []).append(item)
        return table

    @cached_property
    def _bound(self) -> dict[cst.CSTNode, frozenset[str]]:
        return {}

    @cached_property
    def definitions(self) -> dict[str, cst.CSTNode]:
        """Classes, functions and assigned values at module level, also inside its `if` and `try` blocks.

        The first binding of a name that is not `None` wins, as in `try: X = … except ImportError: X = None`.
        """
        found: dict[str, cst.CSTNode] = {}
        stack: list[cst.CSTNode] = list(reversed(self.tree.body))
        while stack:
            node = stack.pop()
            kind = type(node)
            if kind is cst.ClassDef or kind is cst.FunctionDef:
                found.setdefault(node.name.value, node)  # type: ignore[attr-defined]
            elif kind is cst.Expr or kind is cst.Import or kind is cst.ImportFrom:
                continue
            elif kind in _LINES:
                stack.extend(reversed(node.body))  # type: ignore[attr-defined]
            elif isinstance(node, cst.Assign):
                for target in node.targets:
                    for name in target_names(target.target):
                        found.setdefault(name, node.value)
            elif isinstance(node, (cst.If, cst.Else, cst.Try, cst.ExceptHandler, cst.Finally, cst.With)):
                blocks = [node.body, getattr(node, "orelse", None), getattr(node, "finalbody", None)]
                parts = [b for b in blocks if b is not None] + list(getattr(node, "handlers", ()))
                stack.extend(reversed(parts))
            elif isinstance(node, cst.AnnAssign) and node.value is not None:
                for name in target_names(node.target):
                    found.setdefault(name, node.value)
        return found

    def scopes(self, node: cst.CSTNode) -> list[Scope]:
        """The scopes that a name at `node` is looked up in, innermost first (no class bodies around functions).

        Decorators, default values, annotations and bases belong to what is around a definition, not to its own scope.
        """
        scope = self._scope_of(node)
        if scope is None:
            return []
        around = self._around(scope)
        return [scope, *around[1:]] if type(scope) is cst.ClassDef else around

    def _scope_of(self, node: cst.CSTNode) -> Scope | None:
        scope = cast("Scope | None", self.index.scope(node))
        while scope is not None and not self._is_within(node, scope):
            scope = cast("Scope | None", self.index.scope(scope))
        return scope

    def _is_within(self, node: cst.CSTNode, scope: Scope) -> bool:
        """Whether `node`, which stands below `scope`, is in its body, or the name of one of its parameters."""
        if type(scope) is cst.Module:
            return True
        if self.index.at[id(node)] in self.index.numbers(cast(cst.CSTNode, scope.body)):
            return True
        parent = self.index.parents.get(node)
        return type(parent) is cst.Param and parent.name is node  # type: ignore[attr-defined]

    def _around(self, scope: Scope) -> list[Scope]:
        """`scope` and the functions (no classes) and the module around it."""
        chain = self._chains.get(scope)
        if chain is None:
            outer = [cast(Scope, a) for a in self.index.ancestors(scope) if type(a) in _FUNCTIONS_AND_MODULE]
            chain = self._chains[scope] = [scope, *outer]
        return chain

    @cached_property
    def _chains(self) -> dict[cst.CSTNode, list[Scope]]:
        return {}

    def bound(self, scope: cst.CSTNode) -> frozenset[str]:
        """`bound_names(scope)`, found once: what a function, lambda or class of this module binds itself."""
        found = self._bound.get(scope)
        if found is None:
            found = self._bound[scope] = names_bound_by(self.index.own_scope(scope))
        return found

    def bound_or_imported(self, scope: cst.CSTNode) -> frozenset[str]:
        """What a function, lambda or class binds, its own imports included."""
        found = self._bound_or_imported.get(scope)
        if found is None:
            imported = frozenset(i.local for i in self.imports if i.scope is scope)
            found = self._bound_or_imported[scope] = self.bound(scope) | imported
        return found

    @cached_property
    def _bound_or_imported(self) -> dict[cst.CSTNode, frozenset[str]]:
        return {}

    @cached_property
    def strings(self) -> dict[str, list[cst.SimpleString]]:
        """The plain strings of the module that say just a word (an identifier), by that word, in source order."""
        found: dict[str, list[cst.SimpleString]] = {}
        for node in self.index.of(cst.SimpleString):
            word = node.raw_value
            if word.isidentifier() and "b" not in node.prefix.lower():
                found.setdefault(word, []).append(node)
        return found

    def import_of(self, name: str, at: cst.CSTNode) -> ImportedName | None:
        """The import that binds `name` as seen from `at`, None when something else binds it (or nothing does)."""
        candidates = self._by_local.get(name)
        if not candidates:
            return None
        key = (id(self._scope_of(at)), name)
        if key not in self._imported:
            self._imported[key] = self._import_among(candidates, name, at)
        return self._imported[key]

    @cached_property
    def _imported(self) -> dict[tuple[int, str], ImportedName | None]:
        """By the id of the innermost scope, and the name."""
        return {}

    def _import_among(self, candidates: Sequence[ImportedName], name: str, at: cst.CSTNode) -> ImportedName | None:
        for scope in self.scopes(at):
            for item in candidates:
                if item.scope is scope:
                    return item
            if type(scope) is not cst.Module and name in self.bound(scope):
                return None
        return None

    def is_local(self, name: str, at: cst.CSTNode) -> bool:
        """Whether a function or class around `at` binds `name` itself (so that it is not the module's)."""
        for scope in self.scopes(at):
            if type(scope) is cst.Module:
                return False
            if name in self.bound(scope) or any(i.scope is scope for i in self._by_local.get(name, ())):
                return True
        return False

    def target_of(self, expression: cst.CSTNode) -> str | None:
        """The dotted name that `expression` (a name or a chain of attributes) was imported from.

        `AgentSession` → `livekit.agents.AgentSession`. None for what was not imported: see `Project.resolve`.
        """
        name = dotted(expression)
        if name is None:
            return None
        head, _, rest = name.partition(".")
        item = self.import_of(head, expression)
        if item is None:
            return None
        return f"{item.target}.{rest}" if rest else item.target


_ESCAPE = re.compile(rb"\\[NuUx]")


def _check_escapes(data: bytes) -> None:
    """Raises `SyntaxError` for a string that says nothing (`"gr\\und"`): LibCST does not look into strings."""
    try:
        read_syntax(data)
    except SyntaxError as error:
        if "unicodeescape" in error.msg or "invalid \\x escape" in error.msg:
            raise


def module_name(path: str) -> str:
    """`services/assistant.py` → `services.assistant`; `services/__init__.py` → `services`."""
    stem = path[:-3] if path.endswith(".py") else path
    name = stem.replace("/", ".")
    return name[: -len(".__init__")] if name.endswith(".__init__") else ("" if name == "__init__" else name)
