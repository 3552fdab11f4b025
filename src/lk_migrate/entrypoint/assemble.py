"""Generated modules and their imports: exactly the names that their code needs, each from where it lives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.entrypoint.layout import (
    BUILTINS,
    ImportedFrom,
    Layout,
    TopLevel,
    import_table,
    submodule_imports,
)
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.scopes import Occurrence, imported

_WIDTH = 100


class Undefined(Exception):
    """A generated module would use a name that nothing defines."""

    def __init__(self, module: str, names: Iterable[str]) -> None:
        super().__init__(f"{module} would use {', '.join(sorted(names))}, which nothing defines")


@dataclass
class Part:
    """A module to be: `spelled` is how others import it; `code` its statements without imports."""

    spelled: str
    code: str
    defines: frozenset[str]
    needs: frozenset[str]


def read_part(spelled: str, code: str, found: Sequence[Occurrence]) -> Part:
    """What statements define at the top level, and which names they take from elsewhere.

    `code` is their text, `found` are the occurrences of names in them.
    """
    defines = frozenset(o.name for o in found if o.owner is None and o.kind in ("write", "def", "import", "walrus"))
    needs = frozenset(o.name for o in found if o.owner is None and o.kind == "read")
    quoted = frozenset(o.name for o in found if o.owner is None and o.kind == "quoted")
    return Part(spelled, code, defines, (needs | quoted) - defines - BUILTINS)


def read_before_imported(statements: Sequence[Sequence[Occurrence]]) -> frozenset[str]:
    """What statements read that another of them imports for itself, as `if __name__ == "__main__": import sys` does."""
    found: set[str] = set()
    imported_by = [{o.name for o in s if o.owner is None and o.kind == "import"} for s in statements]
    for statement, own in zip(statements, imported_by, strict=True):
        reads = {o.name for o in statement if o.owner is None and o.kind in ("read", "quoted")}
        found |= {n for n in reads - own if any(n in others for others in imported_by)}
    return frozenset(found)


@dataclass
class Imports:
    """The import statements of a generated module: legacy lines by position, then the project's generated ones."""

    lines: list[tuple[TopLevel, str]] = field(default_factory=list)
    copies: list[str] = field(default_factory=list)
    extra: list[str] = field(default_factory=list)
    generated: list[str] = field(default_factory=list)
    merged: list[str] = field(default_factory=list)


@dataclass
class Linker:
    """Knows where every name lives. `ready`: names that the tool's own code brings → their import statement."""

    layout: Layout
    ready: Mapping[str, str]
    legacy_undefined: frozenset[str]
    tree: cst.Module
    table: dict[str, ImportedFrom] = field(init=False)
    submodules: dict[str, list[ImportedFrom]] = field(init=False)
    used: set[int] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.table = import_table(self.layout)
        self.submodules = submodule_imports(self.layout, self.table)

    def imports(self, part: Part, may_import: Sequence[Part], also: frozenset[str] = frozenset()) -> Imports:
        """Imports for `part`; `also`: names others expect to find in it. Raises `Undefined`."""
        result = Imports()
        by_line: dict[int, set[str]] = {}
        from_parts: dict[str, set[str]] = {}
        modules: set[str] = set()
        missing: set[str] = set()
        loggers = {n: i for i in self.layout.of_kind("logger") for n in i.binds}
        own_loggers: list[TopLevel] = []
        wanted = set(part.needs) | (set(also) - set(part.defines))
        spelled = {p.spelled: p for p in may_import}
        queue = sorted(wanted)
        seen: set[str] = set()
        while queue:
            name = queue.pop(0)
            if name in seen:
                continue
            seen.add(name)
            home = next((p for p in may_import if name in p.defines), None)
            if home is not None:
                from_parts.setdefault(home.spelled, set()).add(name)
            elif name in loggers and name not in part.defines:
                own_loggers.append(loggers[name])
                queue.extend(loggers[name].needs - part.defines)
            elif name in self.table:
                self.asked.add(name)
                for found in self._imports_of(name, part.code):
                    by_line.setdefault(id(found.line), set()).add(name)
            elif name in spelled or name in {s.rpartition(".")[2] for s in spelled}:
                modules.add(name)
            elif name in self.ready:
                result.extra.append(self.ready[name])
            elif name in part.needs and name not in self.legacy_undefined:
                if name in BUILTINS or name in part.defines:
                    continue
                missing.add(name)
        if missing and not self._has_star():
            raise Undefined(part.spelled, missing)
        for item in self.layout.of_kind("import"):
            names = by_line.get(id(item))
            if names or (missing and self._is_star(item)):
                self.used.add(id(item))
                result.lines.append((item, self._filtered(item, names or set())))
        for item in own_loggers:
            self.used.add(id(item))
            result.copies.append(self._text(item))
        for module in sorted(modules):
            full = next(s for s in spelled if s == module or s.rpartition(".")[2] == module)
            package, _, last = full.rpartition(".")
            result.generated.append(f"from {package or '.'} import {last}" if full != last else f"import {last}")
        for module, names in sorted(from_parts.items()):
            exported = names - part.needs
            result.generated.append(from_import(module, names - exported))
            if exported:
                result.generated.append(from_import(module, exported, reexport=True))
        result.generated = [g for g in result.generated if g]
        return result

    def unused_loggers(self) -> frozenset[str]:
        """Loggers that no module has asked for so far: the legacy main made them, somebody may count on it."""
        return frozenset(n for i in self.layout.of_kind("logger") if id(i) not in self.used for n in i.binds)

    def unused_imports(self, acts: Callable[[str], bool]) -> frozenset[str]:
        """Names of imports that no module has asked for so far, from modules that act when they are imported.

        Of a statement that is used in part, plugins alone: each of them is a module that registers itself.
        """
        return frozenset(
            name
            for item in self.layout.of_kind("import")
            for name in item.binds - self.asked
            if self.table[name].line is item
            and acts(self.table[name].module())
            and (id(item) not in self.used or self.table[name].module().startswith("livekit.plugins."))
        )

    def imported_of(self, names: Iterable[str]) -> frozenset[str]:
        """Those of `names` that an import binds, or that are loggers."""
        return frozenset(n for n in names if n in self.table) | frozenset(
            n for i in self.layout.of_kind("logger") for n in i.binds & set(names)
        )

    def _text(self, item: TopLevel) -> str:
        return self.tree.code_for_node(item.node.with_changes(leading_lines=[])).strip()  # type: ignore[call-arg]

    def _has_star(self) -> bool:
        return any(self._is_star(i) for i in self.layout.of_kind("import"))

    @staticmethod
    def _is_star(item: TopLevel) -> bool:
        assert isinstance(item.node, cst.SimpleStatementLine)
        return any(isinstance(s, cst.ImportFrom) and isinstance(s.names, cst.ImportStar) for s in item.node.body)

    def _imports_of(self, name: str, code: str) -> list[ImportedFrom]:
        """What `code` needs to read `name`; of several submodules those that it spells, or all, if it spells none."""
        several = self.submodules.get(name, [])
        return [s for s in several if s.module() in code] or several or [self.table[name]]

    def _is_imported_by(self, name: str, statement: cst.Import | cst.ImportFrom) -> bool:
        found = [self.table[name], *self.submodules.get(name, ())]
        return any(f.statement is statement for f in found)

    def _filtered(self, item: TopLevel, names: set[str]) -> str:
        """The import line with the aliases in `names` alone; word for word when these are all.

        What is remarked at its end (`# noqa: F401 - it registers itself`) is true of each part.
        """
        assert isinstance(item.node, cst.SimpleStatementLine)
        texts: list[str] = []
        whole = True
        remark = item.node.trailing_whitespace.comment
        said = f"  {remark.value}" if remark is not None else ""
        for statement in item.node.body:
            assert isinstance(statement, (cst.Import, cst.ImportFrom))
            if isinstance(statement.names, cst.ImportStar):
                texts.append(self.tree.code_for_node(statement))
                continue
            kept = [(n, a) for n, a in imported(statement) if n in names and self._is_imported_by(n, statement)]
            whole = whole and len(kept) == len(statement.names)
            if kept:
                texts.append(_import_text(statement, [a for _, a in kept], said))
        if whole:
            return self.tree.code_for_node(item.node.with_changes(leading_lines=[])).rstrip("\r\n")
        return "\n".join(texts)


def _import_text(statement: cst.Import | cst.ImportFrom, aliases: list[cst.ImportAlias], remark: str) -> str:
    words = []
    for alias in aliases:
        name = dotted(alias.name) or ""
        local = dotted(alias.asname.name) if alias.asname is not None else None
        words.append(f"{name} as {local}" if local else name)
    if isinstance(statement, cst.Import):
        return f"import {', '.join(words)}{remark}"
    dots = "." * len(statement.relative)
    return _wrapped(f"from {dots}{dotted(statement.module) or ''} import", words, remark)


def wrapped_import(module: str, names: Iterable[str]) -> str:
    """`from module import …` with names that may have an alias, in order, wrapped."""
    return _wrapped(f"from {module} import", sorted(names, key=_isort_key))


def from_import(module: str, names: Iterable[str], reexport: bool = False) -> str:
    """`from module import a, b`, wrapped; a re-export says so, and to linters too."""
    words = sorted(names, key=_isort_key)
    if not words:
        return ""
    if reexport:
        return _wrapped(f"from {module} import", words, "  # noqa: F401  (others import them from here)")
    return _wrapped(f"from {module} import", words)


def _isort_key(name: str) -> tuple[int, str]:
    return (0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2, name)


def _wrapped(head: str, words: list[str], comment: str = "") -> str:
    line = f"{head} {', '.join(words)}{comment}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {w},\n" for w in words)
    return f"{head} ({comment}\n{inner})"
