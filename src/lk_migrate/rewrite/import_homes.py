"""Where a new import belongs in a file that imports its package only where it may be missing, or when it is needed.

`try: from livekit.agents import …` / `except ImportError: …`, or imports inside a function: a line at the top of such a
file would take from it that it can be imported without the package.
"""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.walk import find, statements
from lk_migrate.rewrite.blocks import around

_MISSING = frozenset({"ImportError", "ModuleNotFoundError", "Exception"})


def home_of(tree: cst.Module, package: str, local: str) -> cst.IndentedBlock | None:
    """The block whose imports of `package` the import of `local` belongs to; None for the module's own.

    `package`: its first name, as `livekit`.
    """
    if imports_of(tree, package):
        return None
    for statement in tree.body:
        if isinstance(statement, cst.Try) and _copes(statement) and imports_of(statement.body, package):
            return statement.body if isinstance(statement.body, cst.IndentedBlock) else None
    uses = _uses(tree, local)
    for function in statements(tree, cst.FunctionDef):
        block = function.body
        if isinstance(block, cst.IndentedBlock) and imports_of(block, package) and _uses(block, local) == uses:
            return block if _is_in_time(block, package, local) else None
    return None


def imports_of(block: cst.Module | cst.BaseSuite, package: str) -> list[int]:
    """Where the lines stand in the block, not deeper, that import something of the package."""
    return [
        at
        for at, line in enumerate(block.body)
        if isinstance(line, cst.SimpleStatementLine) and any(_brings(small, package) for small in line.body)
    ]


def exchanged(tree: cst.Module, old: cst.IndentedBlock, new: cst.IndentedBlock) -> cst.Module:
    """One block for another; what is not around it stays the same object."""
    exchanged = tree.visit(_Exchange(old, new, around(tree, lambda node: node is old)))
    assert isinstance(exchanged, cst.Module)
    return exchanged


class _Exchange(cst.CSTTransformer):
    def __init__(self, old: cst.IndentedBlock, new: cst.IndentedBlock, around: set[cst.CSTNode]) -> None:
        super().__init__()
        self.old, self.new, self.around = old, new, around

    def on_visit(self, node: cst.CSTNode) -> bool:
        return node in self.around and node is not self.old

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> cst.BaseSuite:
        return self.new if original_node is self.old else updated_node


def _brings(statement: cst.BaseSmallStatement, package: str) -> bool:
    if isinstance(statement, cst.ImportFrom):
        return not statement.relative and (dotted(statement.module) or "").partition(".")[0] == package
    names = statement.names if isinstance(statement, cst.Import) else ()
    return any((dotted(alias.name) or "").partition(".")[0] == package for alias in names)


def _copes(statement: cst.Try) -> bool:
    """Whether the code goes on without what its `try` imports."""
    kinds = (node for h in statement.handlers if h.type is not None for node in find(h.type, cst.Name))
    return any(kind.value in _MISSING for kind in kinds) or any(h.type is None for h in statement.handlers)


def goes_on_without(statement: cst.Try) -> bool:
    """Whether the program runs on where what the `try` imports is missing: no handler ends it."""
    return _copes(statement) and not any(_ends(h.body) for h in statement.handlers)


def _ends(block: cst.BaseSuite) -> bool:
    last = block.body[-1]
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    call = small.value if isinstance(small, cst.Expr) else None
    name = dotted(call.func) if isinstance(call, cst.Call) else None
    return isinstance(small, cst.Raise) or (name or "").rpartition(".")[2] in ("exit", "_exit", "quit")


def _uses(node: cst.CSTNode, name: str) -> int:
    return sum(found.value == name for found in find(node, cst.Name))


def _is_in_time(block: cst.IndentedBlock, package: str, local: str) -> bool:
    """Whether the block imports the package before it uses the name."""
    first = imports_of(block, package)[0]
    return not any(_uses(line, local) for line in block.body[:first])
