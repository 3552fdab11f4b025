"""Where the keywords of a call come from when they arrive in a dict: `AgentSession(**session_kwargs)`.

The dict is followed back to where it is built: literals, `dict(...)`, later writes, functions that return one,
constants of other modules, `**kwargs` of a function and what its callers pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.field_dicts import fields_behind
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.object_values import mentions, value_given
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find, own_scope

_COPIES = frozenset({"dict", "copy", "deepcopy"})
_HARMLESS = frozenset({"print", "len", "sorted", "list", "repr", "str", "debug", "info", "warning", "pformat"})


@dataclass(frozen=True)
class Source:
    """One place that gives keys. `node`: a dict display, a `dict(…)` or caller's call, or the statement of a write.

    `how`: "literal", "call", "item" (`d["k"] = v`), "setdefault", "update", "fields" (the class whose fields they are).
    `spread`: other dicts go into it, too.
    `target`: the dict that a write goes to, as it is spelled.
    """

    module: Module
    node: cst.CSTNode
    how: str
    keys: frozenset[str]
    spread: bool = False
    target: str = ""


@dataclass
class Flow:
    """All sources of a dict. `unknown` says what could not be followed, and where, if elsewhere;
    `read` are keys that other code reads. `layers`: 0, or a number for each dict that is merged into another (by `|`,
    `update`): what one layer has, the next replaces.
    """

    sources: list[Source] = field(default_factory=list)
    layers: dict[cst.CSTNode, int] = field(default_factory=dict)
    unknown: list[str] = field(default_factory=list)
    read: set[str] = field(default_factory=set)


Consumer = Callable[[Module, cst.Call], bool]


def follow(project: Project, module: Module, expression: cst.BaseExpression, consumer: Consumer) -> Flow:
    """The flow into `expression`, an expression for a dict.

    `consumer` says of a call that takes the same dict as `**d` whether it is of the kind that is asked about.
    """
    flow = Flow()
    _Follower(project, flow, consumer, module).visit(module, expression, 0)
    return flow


def text_key(node: cst.BaseExpression) -> str | None:
    """The key of `"key": …` or `d["key"]` when it is written out."""
    value = text_of(node)
    return value if isinstance(value, str) else None


def subscript_key(node: cst.BaseExpression) -> str | None:
    """The key of a subscript `d["key"]`."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return text_key(node.slice[0].slice.value)
    return None


class _Follower:
    """Follows one dict; keeps what it has seen, because programs have cycles."""

    def __init__(self, project: Project, flow: Flow, consumer: Consumer, home: Module) -> None:
        self.project = project
        self.home = home
        self.flow = flow
        self.consumer = consumer
        self.seen: set[cst.CSTNode] = set()
        self.through: set[cst.CSTNode] = set()  # where it was handed to an object that it was found in
        self.layer = self.last_layer = 0

    def add(self, source: Source) -> None:
        self.flow.sources.append(source)
        self.flow.layers.setdefault(source.node, self.layer)

    def merge(self, module: Module, node: cst.BaseExpression, depth: int) -> None:
        """Visit what is merged into the dict."""
        below, self.last_layer = self.layer, self.last_layer + 1
        self.layer = self.last_layer
        self.visit(module, node, depth)
        self.layer = below

    def lost(self, module: Module, node: cst.CSTNode) -> None:
        text = f"`{module.tree.code_for_node(node).strip().splitlines()[0][:60]}`"
        place = f" ({module.path}:{module.span(node).line})" if module is not self.home else ""
        self.flow.unknown.append(text + place)

    def visit(self, module: Module, node: cst.BaseExpression, depth: int) -> None:
        if node in self.seen or depth > 20:
            return
        self.seen.add(node)
        if isinstance(node, cst.Dict):
            self._display(module, node, depth)
        elif isinstance(node, cst.IfExp):
            self.visit(module, node.body, depth + 1)
            self.visit(module, node.orelse, depth + 1)
        elif isinstance(node, (cst.BooleanOperation, cst.BinaryOperation)):
            self.visit(module, node.left, depth + 1)
            right = self.merge if isinstance(node, cst.BinaryOperation) else self.visit
            right(module, node.right, depth + 1)
        elif isinstance(node, cst.Await):
            self.visit(module, node.expression, depth + 1)
        elif isinstance(node, cst.Call):
            self._call(module, node, depth)
        elif isinstance(node, cst.Name):
            self._name(module, node, depth)
        elif isinstance(node, cst.Attribute):
            self._attribute(module, node, depth)
        elif isinstance(node, cst.Subscript):
            self._subscript(module, node, depth)
        else:
            self.lost(module, node)

    def _display(self, module: Module, node: cst.Dict, depth: int) -> None:
        keys: set[str] = set()
        spread = False
        for element in node.elements:
            if isinstance(element, cst.StarredDictElement):
                spread = True
                self.visit(module, element.value, depth + 1)
            elif isinstance(element, cst.DictElement):
                key = text_key(element.key)
                if key is None:
                    self.lost(module, element.key)
                else:
                    keys.add(key)
        self.add(Source(module, node, "literal", frozenset(keys), spread))

    def _call(self, module: Module, node: cst.Call, depth: int) -> None:
        name = (dotted(node.func) or "").rpartition(".")[2]
        if dotted(node.func) == "dict" and not module.is_local("dict", node):
            keys = frozenset(a.keyword.value for a in node.args if a.keyword is not None)
            others = [a.value for a in node.args if a.keyword is None]
            self.add(Source(module, node, "call", keys, bool(others)))
            for value in others:
                self.visit(module, value, depth + 1)
            return
        if isinstance(node.func, cst.Attribute) and name == "copy" and not node.args:
            self.visit(module, node.func.value, depth + 1)
            return
        if name in _COPIES and len(node.args) == 1:
            self.visit(module, node.args[0].value, depth + 1)
            return
        fields = fields_behind(self.project, module, node)
        if fields is not None:
            self.add(Source(fields.module, fields.owner, "fields", fields.names))
            return
        symbol = self.project.resolve(module, node.func)
        function = symbol.node if symbol is not None else None
        where = symbol.module if symbol is not None else None
        if function is None and isinstance(node.func, cst.Attribute) and dotted(node.func.value) in ("self", "cls"):
            owner = module.index.enclosing(node, cst.ClassDef)
            body = owner.body.body if isinstance(owner, cst.ClassDef) else ()
            function = next((f for f in body if isinstance(f, cst.FunctionDef) and f.name.value == name), None)
            where = module
        if function is None and symbol is None and isinstance(node.func, cst.Attribute):
            where, function = self._only_method(name)
        if isinstance(function, cst.FunctionDef) and where is not None:
            found = [n.value for n in own_scope(function) if isinstance(n, cst.Return) and n.value is not None]
            for value in found:
                self.visit(where, value, depth + 1)
            if found:
                return
        self.lost(module, node)

    def _only_method(self, name: str) -> tuple[Module | None, cst.FunctionDef | None]:
        """The method of that name, of whatever object, when the project has one only, and dicts have none."""
        if hasattr(dict, name):
            return None, None
        modules = self.project.modules(iter(sorted(self.project.paths_with([f"def {name}(".encode()]))))
        found = [(m, f) for m in modules for f in m.index.of(cst.FunctionDef) if f.name.value == name]
        is_one = len(found) == 1 and isinstance(found[0][0].index.enclosing(found[0][1], cst.ClassDef), cst.ClassDef)
        return found[0] if is_one else (None, None)

    def _name(self, module: Module, node: cst.Name, depth: int) -> None:
        for scope in module.scopes(node):
            if isinstance(scope, cst.FunctionDef):
                star = scope.params.star_kwarg
                if star is not None and star.name.value == node.value:
                    self._bindings(module, scope, node.value, depth)
                    self._callers(module, scope, None, depth)
                    return
                if any(p.name.value == node.value for p in find(scope.params, cst.Param)):
                    self._bindings(module, scope, node.value, depth)
                    self._callers(module, scope, node.value, depth)
                    return
            if isinstance(scope, cst.Module):
                break
            if self._bindings(module, scope, node.value, depth):
                return
        if node.value in module.definitions and module.import_of(node.value, node) is None:
            self._global(module, node.value, depth)
            return
        self._imported(module, node, depth)

    def _imported(self, module: Module, node: cst.BaseExpression, depth: int) -> None:
        symbol = self.project.resolve(module, node)
        if (
            symbol is None
            or symbol.module is None
            or "." in symbol.name
            or symbol.name not in symbol.module.definitions
        ):
            self.lost(module, node)
            return
        self._global(symbol.module, symbol.name, depth)

    def _global(self, owner: Module, name: str, depth: int) -> None:
        """A variable at module level: its values, and its uses in every file."""
        self._bindings(owner, owner.tree, name, depth)
        for path, data in sorted(self.project.files.items()):
            where = self.project.module(path) if name.encode() in data else None
            if where is None or where is owner:
                continue
            for node in (*where.index.of(cst.Name), *where.index.of(cst.Attribute)):
                if (dotted(node) or "").rpartition(".")[2] != name:
                    continue
                symbol = self.project.resolve(where, node)
                if symbol is not None and symbol.module is owner and symbol.name == name:
                    self._use(where, node, depth)

    def _attribute(self, module: Module, node: cst.Attribute, depth: int) -> None:
        name, attr = dotted(node), node.attr.value
        if dotted(node.value) in ("self", "cls"):
            owner = module.index.enclosing(node, cst.ClassDef)
            if isinstance(owner, cst.ClassDef) and self._class_attribute(module, owner, attr, depth):
                return
        elif name is not None:
            symbol = self.project.resolve(module, node.value)
            if symbol is not None and isinstance(symbol.node, cst.ClassDef) and symbol.module is not None:
                if self._class_attribute(symbol.module, symbol.node, attr, depth):
                    return
            elif (given := value_given(self.project, module, node)) is not None:
                self.through.add(given[1])
                self.visit(*given, depth + 1)
                for where, use in mentions(self.project, module, node):
                    if isinstance(where.index.parents[use], cst.AssignTarget):
                        self.lost(where, use)
                    self._use(where, use, depth)
                return
            else:
                self._imported(module, node, depth)
                return
        self.lost(module, node)

    def _class_attribute(self, module: Module, owner: cst.ClassDef, attr: str, depth: int) -> bool:
        found = False
        for statement in owner.body.body:
            for small in statement.body if isinstance(statement, cst.SimpleStatementLine) else ():
                value = _assigned(small, attr)
                if value is not None:
                    found = True
                    self.visit(module, value, depth + 1)
        return self._bindings(module, owner, f"self.{attr}", depth) or found

    def _subscript(self, module: Module, node: cst.Subscript, depth: int) -> None:
        key = subscript_key(node)
        symbol = self.project.resolve(module, node.value)
        if key is not None and symbol is not None and isinstance(symbol.node, cst.Dict) and symbol.module is not None:
            for element in symbol.node.elements:
                if isinstance(element, cst.DictElement) and text_key(element.key) == key:
                    self.visit(symbol.module, element.value, depth + 1)
                    return
        self.lost(module, node)

    def _bindings(self, module: Module, scope: cst.CSTNode, name: str, depth: int) -> bool:
        """The values that `name` is given in `scope`, and the writes to it. False if there are none."""
        found = False
        for node in find(scope, cst.BaseSmallStatement):  # type: ignore[type-abstract]
            value = _assigned(node, name)
            if value is not None and not self._shadowed(module, node, scope, name):
                found = True
                if dotted(value) != "None":
                    self.visit(module, value, depth + 1)
        self._uses(module, scope, name, depth)
        return found

    @staticmethod
    def _shadowed(module: Module, node: cst.CSTNode, scope: cst.CSTNode, name: str) -> bool:
        """Whether a plain name bound at `node` belongs to a function nested in `scope`."""
        inner = module.index.enclosing(node, cst.FunctionDef, cst.Lambda)
        return "." not in name and inner is not None and inner is not scope and scope is not module.tree.body

    def _uses(self, module: Module, scope: cst.CSTNode, name: str, depth: int) -> None:
        kind: type[cst.CSTNode] = cst.Attribute if "." in name else cst.Name
        for node in find(scope, kind):
            if dotted(node) == name:
                self._use(module, node, depth)

    def _use(self, module: Module, node: cst.CSTNode, depth: int) -> None:
        parent = module.index.parents.get(node)
        if node in self.through:
            return
        if isinstance(parent, cst.Subscript) and parent.value is node:
            self._item(module, parent, node, depth)
        elif isinstance(parent, cst.Attribute) and parent.value is node:
            call = module.index.parents.get(parent)
            if isinstance(call, cst.Call) and call.func is parent:
                self._method(module, call, parent.attr.value, node, depth)
        elif isinstance(parent, cst.AugAssign) and parent.target is node:
            self.merge(module, parent.value, depth + 1)
        elif isinstance(parent, cst.Arg) and parent.keyword is not node:
            call = module.index.parents.get(parent)
            name = (dotted(call.func) or "").rpartition(".")[2] if isinstance(call, cst.Call) else ""
            if name in _HARMLESS | _COPIES | {"update"} or not isinstance(call, cst.Call):
                return
            if not parent.star or not self.consumer(module, call):
                self.lost(module, call)

    def _item(self, module: Module, node: cst.Subscript, target: cst.CSTNode, depth: int) -> None:
        key = subscript_key(node)
        parent = module.index.parents.get(node)
        if isinstance(parent, cst.AssignTarget):
            if key is None:
                self.lost(module, node)
                return
            statement = module.index.parents.get(parent)
            if statement is not None:
                self._write(module, statement, "item", {key}, target)
        elif key is not None:
            self.flow.read.add(key)

    def _method(self, module: Module, call: cst.Call, method: str, target: cst.CSTNode, depth: int) -> None:
        first = call.args[0] if call.args else None
        if method == "update":
            keys = {a.keyword.value for a in call.args if a.keyword is not None}
            for arg in call.args:
                if arg.keyword is not None:
                    continue
                if isinstance(arg.value, cst.Dict) and not arg.star:
                    written = [text_key(e.key) for e in arg.value.elements if isinstance(e, cst.DictElement)]
                    keys |= {k for k in written if k is not None}
                    if len(written) == len(arg.value.elements) and None not in written:
                        continue
                self.merge(module, arg.value, depth + 1)
            self._write(module, call, "update", keys, target)
        elif method == "setdefault" and first is not None:
            key = text_key(first.value)
            if key is None:
                self.lost(module, call)
            else:
                self._write(module, call, "setdefault", {key}, target)
        elif method in ("get", "pop") and first is not None:
            key = text_key(first.value)
            if key is not None:
                self.flow.read.add(key)

    def _write(self, module: Module, node: cst.CSTNode, how: str, keys: Iterable[str], target: cst.CSTNode) -> None:
        spelled = dotted(target) or ""
        source = Source(module, node, how, frozenset(keys), target=spelled)
        if source not in self.flow.sources:
            self.add(source)

    def _callers(self, module: Module, function: cst.FunctionDef, parameter: str | None, depth: int) -> None:
        """What callers pass: for `parameter`, or (None) the keywords that no parameter takes."""
        names = [p.name.value for p in (*function.params.params, *function.params.kwonly_params)]
        for where, call in self._calls(module, function):
            if parameter is None:
                keys = frozenset(a.keyword.value for a in call.args if a.keyword is not None) - set(names)
                stars = [a for a in call.args if a.star == "**"]
                self.add(Source(where, call, "call", keys, bool(stars)))
                for arg in stars:
                    self.visit(where, arg.value, depth + 1)
                continue
            offset = 1 if names[:1] in (["self"], ["cls"]) else 0
            for i, arg in enumerate(call.args):
                by_name = arg.keyword is not None and arg.keyword.value == parameter
                if by_name or (
                    arg.keyword is None and not arg.star and names[i + offset : i + offset + 1] == [parameter]
                ):
                    self.visit(where, arg.value, depth + 1)

    def _calls(self, module: Module, function: cst.FunctionDef) -> Iterator[tuple[Module, cst.Call]]:
        name = function.name.value
        is_method = isinstance(module.index.enclosing(function, cst.FunctionDef, cst.ClassDef), cst.ClassDef)
        for path, data in sorted(self.project.files.items()):
            if name.encode() not in data:
                continue
            where = self.project.module(path)
            for call in where.index.of(cst.Call) if where is not None else ():
                last = (dotted(call.func) or "").rpartition(".")[2]
                if last != name or where is None:
                    continue
                symbol = self.project.resolve(where, call.func)
                if is_method or (symbol is not None and symbol.node is function) or where is module:
                    yield where, call


def _assigned(node: cst.CSTNode, name: str) -> cst.BaseExpression | None:
    """The value that a small statement assigns to `name` (dotted)."""
    if isinstance(node, cst.Assign) and any(dotted(t.target) == name for t in node.targets):
        return node.value
    if isinstance(node, cst.AnnAssign) and dotted(node.target) == name:
        return node.value
    return None
