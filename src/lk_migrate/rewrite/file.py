"""What a rule sees of the file it is asked about: the tree, what names mean, and how to spell a new name."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.imports import ImportedName
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project, Symbol
from lk_migrate.facts.variables import is_variable
from lk_migrate.facts.walk import Node, concrete, descendants, statements
from lk_migrate.rewrite.checks import NotWhatWeMeant


@dataclass
class File:
    """One module under conversion. Rules read it; the only thing that they change is the list of wanted imports.

    `wanted`: target → local name; `early`: those of them that must be imported with the module, whatever else is not.
    `declined`: (rule id, line) where a person wants a rule to leave the code as it is.
    """

    module: Module
    project: Project
    wanted: dict[str, str] = field(default_factory=dict)
    early: set[str] = field(default_factory=set)
    declined: Collection[tuple[str, int]] = ()
    _asking: tuple[cst.Module, list[tuple[cst.SimpleStatementLine, cst.Import | cst.ImportFrom]]] | None = None

    @property
    def path(self) -> str:
        return self.module.path

    def parent(self, node: cst.CSTNode) -> cst.CSTNode | None:
        return self.module.index.parents.get(node)

    def enclosing(self, node: cst.CSTNode, kind: type[Node]) -> Node | None:
        """The nearest ancestor of this type."""
        return self.module.index.enclosing(node, kind)  # type: ignore[return-value]

    def statement(self, node: cst.CSTNode) -> cst.CSTNode:
        """The statement (a line or a compound statement) that holds `node`, or is it."""
        return enclosing_statement(self.module, node)

    def full_name(self, expression: cst.CSTNode) -> str | None:
        """`livekit.agents.AgentSession` for whatever the file calls it; None for the project's own and local names."""
        return self.project.full_name(self.module, expression)

    def resolve(self, expression: cst.CSTNode) -> Symbol | None:
        """What a name stands for, followed through the project's files."""
        return self.project.resolve(self.module, expression)

    def imports_of(self, tree: cst.Module) -> Sequence[tuple[cst.SimpleStatementLine, cst.Import | cst.ImportFrom]]:
        """The imports of the finished tree, each with its line: every finisher reads these."""
        if self._asking is None or self._asking[0] is not tree:
            lines = statements(tree, cst.SimpleStatementLine)
            self._asking = (
                tree,
                [(line, s) for line in lines for s in line.body if isinstance(s, (cst.Import, cst.ImportFrom))],
            )
        return self._asking[1]

    def code(self, node: cst.CSTNode) -> str:
        """The source text of a node."""
        return self.module.tree.code_for_node(node)

    def use(self, target: str) -> str:
        """How to spell `target` (e.g. `livekit.agents.inference`) in this file; a missing import is added.

        Raises `NotWhatWeMeant` where a package of the project's own stands in the framework's place.
        """
        if target in self.wanted:
            return self.wanted[target]
        if self._is_hidden(target):
            raise NotWhatWeMeant(f"`{target}`, which it would import, is the project's own `livekit` here (LK344)")
        base, _, name = target.rpartition(".")
        for item in self._imports(target):
            return item.local
        for item in self._imports(base):
            if isinstance(item.statement, cst.ImportFrom) and item.local == base.rpartition(".")[2]:
                # `from livekit import agents` is there already: `agents.inference`
                return f"{item.local}.{name}"
        taken = self._is_taken(name) or (base.startswith("livekit") and self._is_awaited(name))
        local = name if not taken else f"lk_{name}"
        self.wanted[target] = local
        return local

    def _is_hidden(self, target: str) -> bool:
        """Whether Python would look for it in the project, which may have it, or not, or not be readable."""
        package = ".".join(target.split(".")[:2])
        if not package.startswith("livekit."):
            return False
        if self.project.is_own(target, self.path):
            return True
        return self.project.path_of(package, self.path) is not None and not self.has_the_framework(package)

    def has_the_framework(self, package: str) -> bool:
        """Whether the file imports from `package` what the project's folder of that name does not have: it works only
        where Python finds the framework's."""
        if self.project.path_of("livekit", self.path) is not None or self.project.find(package, self.path) is None:
            return False  # (a package is found first; what cannot be read may have anything)
        return any(
            item.target.startswith(f"{package}.")
            and item.local != "*"
            and not self.project.is_own(item.target, self.path)
            for item in self.module.imports
        )

    def use_early(self, target: str, local: str) -> bool:
        """Have `target` imported at the top by this name; False where another one is in use for it."""
        if any(item.local == local for item in self._imports(target)):
            return True
        self.early.add(target)
        return self.wanted.setdefault(target, local) == local

    def _imports(self, target: str) -> Iterator[ImportedName]:
        """The module's own imports of `target`, unless another one gives the same name to something else."""
        for item in self.module.imports:
            if item.target != target or not isinstance(item.scope, cst.Module) or item.local == "*":
                continue
            if self.module.import_of(item.local, item.statement) is item:
                yield item

    def _is_awaited(self, name: str) -> bool:
        """Whether the file reads a name that nothing in it binds: a new import would change what that code does."""
        if any(item.local == "*" and self._may_have(item.target) for item in self.module.imports):
            return False
        return any(is_variable(self.module, node) for node in self.module.names.get(name, ()))

    def _may_have(self, module: str) -> bool:
        """Whether names of the framework's may come from a module with `*`."""
        return module.partition(".")[0] == "livekit" or self.project.is_own(module, self.path)

    def _is_taken(self, name: str) -> bool:
        module = self.module
        if name in module.definitions or any(i.local == name for i in module.imports):
            return True
        return any(name in module.bound(f) for f in module.index.of(cst.FunctionDef))


def enclosing_statement(module: Module, node: cst.CSTNode) -> cst.CSTNode:
    """The innermost statement around `node` (or itself) that can carry a comment line above it."""
    kinds = (cst.SimpleStatementLine, cst.BaseCompoundStatement)
    if type(node) in concrete(*kinds):
        return node
    return module.index.enclosing(node, *kinds) or module.tree


def statement_at(module: Module, line: int) -> cst.CSTNode:
    """The innermost statement whose lines hold this one (1-based), else the first one below it, else the last."""
    below = (s for s in module.tree.body if module.span(s).line >= line)
    found: cst.CSTNode = next(below, module.tree.body[-1])
    for node in descendants(module.tree):
        if isinstance(node, (cst.SimpleStatementLine, cst.BaseCompoundStatement)):
            span = module.span(node)
            if span.line <= line <= span.end_line:
                found = node
    return found
