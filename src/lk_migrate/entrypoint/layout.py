"""Which module each top-level statement of the legacy main goes to.

main.py keeps what starts the worker, and the side effects that later imports depend on (`load_dotenv()`,
`sys.path`), in their order. Everything else goes to the support module, in its order.
"""

from __future__ import annotations

import builtins
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.entrypoint import Entrypoint, is_main_guard
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.scopes import Occurrence, imported, occurrences
from lk_migrate.facts.walk import descendants

BUILTINS = frozenset(dir(builtins)) | {"__name__", "__file__", "__doc__", "__package__", "__spec__", "__builtins__"}
_ENVIRONMENT = ("load_dotenv", "environ", "path", "putenv", "setdefault", "filterwarnings", "simplefilter")


@dataclass(frozen=True, eq=False)
class TopLevel:
    """A top-level statement: the names it binds, and the module-level names it needs."""

    node: cst.BaseStatement
    binds: frozenset[str]
    needs: frozenset[str]
    kind: str  # "import", "future", "guarded", "logger", "effect", "definition", "docstring"
    found: tuple[Occurrence, ...]


@dataclass
class Layout:
    """The legacy module's statements by destination, each list in legacy order.

    `prepares`: the ids of the effects that prepare what later imports and constants read.
    """

    items: list[TopLevel]
    main: list[TopLevel] = field(default_factory=list)
    preamble: list[TopLevel] = field(default_factory=list)
    support: list[TopLevel] = field(default_factory=list)
    rebound: frozenset[str] = frozenset()
    prepares: frozenset[int] = frozenset()

    def occurrences(self, statements: Iterable[cst.CSTNode]) -> list[Occurrence]:
        """`occurrences` of these, known already where one is a statement of the legacy module as it was."""
        known = {id(i.node): i.found for i in self.items}
        return [o for s in statements for o in known.get(id(s)) or occurrences(s)]

    def of_kind(self, *kinds: str) -> list[TopLevel]:
        return [i for i in self.items if i.kind in kinds]


def read_layout(module: Module, entry: Entrypoint) -> Layout:
    """Decide for every top-level statement but the entrypoint itself."""
    items = [_read(module, node, i) for i, node in enumerate(module.tree.body)]
    rebound = frozenset(item.name.value for node in module.index.of(cst.Global) for item in node.names)
    layout = Layout(items, rebound=rebound)
    core = {entry.function, entry.guard, entry.server_line, entry.options_line}
    if entry.prewarm is not None and not module.index.find(entry.prewarm, cst.Global):
        core.add(entry.prewarm)
    main = [i for i in items if i.node in core]
    # `import sys` in the guard binds nothing that is main.py's: others have it of the import at the top.
    anywhere = {n for i in items if i.kind == "import" for n in i.binds}
    main_names = {n for i in main for n in i.binds} - anywhere
    rest = [i for i in items if i not in main and i.kind in ("effect", "definition", "guarded")]
    # What needs a name that lives in main.py stays with it: main.py imports the others, never the reverse.
    while True:
        more = [i for i in rest if i not in main and i.needs & main_names]
        if not more:
            break
        main.extend(more)
        main_names |= {n for i in more for n in i.binds} - anywhere
    known = {n for i in items if i.kind in ("import", "logger", "guarded") for n in i.binds} | BUILTINS
    for item in rest:
        if item in main:
            continue
        if item.kind == "effect" and item.needs <= known:
            layout.preamble.append(item)
        else:
            layout.support.append(item)
    layout.main = [i for i in items if i in main and i.node is not entry.function]
    layout.prepares = frozenset(id(i) for i in _preparing(layout, module))
    _take_along(layout, known)
    return layout


def _preparing(layout: Layout, module: Module) -> list[TopLevel]:
    """The effects that prepare what later imports and constants read: the environment, the import path.

    They do so themselves or by a function of the module that they call.
    """
    speaking = {id(module.index.top_level(n)) for word in _ENVIRONMENT for n in module.names.get(word, ())}
    speaks = [i for i in layout.items if id(i.node) in speaking]
    setups = {n for i in speaks if isinstance(i.node, cst.FunctionDef) for n in i.binds}
    return [i for i in layout.of_kind("effect") if i in speaks or i.needs & setups]


def _take_along(layout: Layout, known: Collection[str]) -> None:
    """What prepares the environment belongs in main.py, with the definitions that it needs and nobody else does."""
    for effect in [i for i in layout.support if id(i) in layout.prepares]:
        along = _needed(layout, effect, known)
        if along is None:
            continue
        names = {n for i in along for n in i.binds}
        others = [i for i in layout.items if i not in along and i is not effect]
        if names & layout.rebound or any(i.needs & names for i in others):
            continue
        layout.preamble = [i for i in layout.items if i in layout.preamble or i in along or i is effect]
        layout.support = [i for i in layout.support if i not in along and i is not effect]


def _needed(layout: Layout, effect: TopLevel, known: Collection[str]) -> list[TopLevel] | None:
    """The definitions of the support module that `effect` needs; None when it needs others."""
    home = {name: i for i in layout.support if i.kind == "definition" for name in i.binds}
    found: list[TopLevel] = []
    queue = list(effect.needs)
    while queue:
        name = queue.pop()
        if name in known:
            continue
        if name not in home:
            return None
        if home[name] not in found:
            found.append(home[name])
            queue.extend(home[name].needs)
    return found


def _read(module: Module, node: cst.BaseStatement, position: int) -> TopLevel:
    found = occurrences(node)
    binds = frozenset(o.name for o in found if o.owner is None and o.kind in ("write", "def", "import", "walrus"))
    needs = frozenset(o.name for o in found if o.owner is None and o.kind in ("read", "quoted")) - (
        binds if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else frozenset()
    )
    return TopLevel(node, binds, needs, _kind(module, node, binds, position), found)


def _kind(module: Module, node: cst.BaseStatement, binds: frozenset[str], position: int) -> str:
    if isinstance(node, cst.SimpleStatementLine):
        small = node.body
        if small and all(isinstance(s, (cst.Import, cst.ImportFrom)) for s in small):
            first = small[0]
            return "future" if isinstance(first, cst.ImportFrom) and dotted(first.module) == "__future__" else "import"
        if (
            position == 0
            and isinstance(small[0], cst.Expr)
            and isinstance(small[0].value, (cst.SimpleString, cst.ConcatenatedString))
        ):
            return "docstring"
        if _is_logger(small):
            return "logger"
        return "definition" if binds else "effect"
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        return "definition"
    is_guard = isinstance(node, cst.If) and is_main_guard(node)
    if (
        isinstance(node, (cst.Try, cst.If))
        and not is_guard
        and any(isinstance(n, (cst.Import, cst.ImportFrom)) for n in descendants(node))
    ):
        return "guarded"
    return "definition" if binds else "effect"


def _is_logger(small: Iterable[cst.BaseSmallStatement]) -> bool:
    """`logger = logging.getLogger("literal")`: every module may have its own."""
    statements = list(small)
    if len(statements) != 1 or not isinstance(statements[0], cst.Assign):
        return False
    value = statements[0].value
    return (
        isinstance(value, cst.Call)
        and (dotted(value.func) or "").rpartition(".")[2] == "getLogger"
        and all(isinstance(a.value, cst.SimpleString) for a in value.args)
    )


@dataclass(frozen=True)
class ImportedFrom:
    """An alias of a legacy import statement."""

    statement: cst.Import | cst.ImportFrom
    alias: cst.ImportAlias
    line: TopLevel

    def says_the_same(self, other: ImportedFrom) -> bool:
        return self.alias.name.deep_equals(other.alias.name) and self._source() == other._source()

    def is_of_package(self) -> bool:
        """`import a` or `import a.b`, which bind `a` as it is."""
        return isinstance(self.statement, cst.Import) and self.alias.asname is None

    def module(self) -> str:
        """The module that it runs, as it is spelled."""
        name = dotted(self.alias.name) or ""
        if isinstance(self.statement, cst.Import):
            return name
        module = dotted(self.statement.module) or ""
        return f"{'.' * len(self.statement.relative)}{module}{'.' if module else ''}{name}"

    def _source(self) -> tuple[int, str] | None:
        """What it is imported from; None for `import x`."""
        if isinstance(self.statement, cst.Import):
            return None
        return len(self.statement.relative), dotted(self.statement.module) or ""


def import_table(layout: Layout) -> dict[str, ImportedFrom]:
    """Local name → the legacy import that binds it at module level.

    The last one wins, as at run time; of several that say the same, the first, which stands before all that need it.
    """
    table: dict[str, ImportedFrom] = {}
    for item in layout.of_kind("import"):
        assert isinstance(item.node, cst.SimpleStatementLine)
        for statement in item.node.body:
            assert isinstance(statement, (cst.Import, cst.ImportFrom))
            for name, alias in imported(statement):
                found = ImportedFrom(statement, alias, item)
                if name not in table or not table[name].says_the_same(found):
                    table[name] = found
    return table


def submodule_imports(layout: Layout, table: Mapping[str, ImportedFrom]) -> dict[str, list[ImportedFrom]]:
    """Name of a package → all of its imports, where there are several: `import urllib.request`, `import urllib.parse`.

    Both bind `urllib`, and each loads a module that the other does not.
    """
    found: dict[str, dict[str, ImportedFrom]] = {}
    for item in layout.of_kind("import"):
        assert isinstance(item.node, cst.SimpleStatementLine)
        for statement in item.node.body:
            if not isinstance(statement, cst.Import):
                continue
            for name, alias in imported(statement):
                each = ImportedFrom(statement, alias, item)
                if each.is_of_package() and table[name].is_of_package():
                    found.setdefault(name, {}).setdefault(each.module(), each)
    return {name: list(several.values()) for name, several in found.items() if len(several) > 1}
