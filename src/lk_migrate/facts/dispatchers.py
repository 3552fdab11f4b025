"""Hand-written dispatchers: the method that turns a tool's name into a call of the method behind it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.classes import is_self_attribute, methods, self_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.items import item_read
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.walk import Index, children, find

#: What the run context is called.
CONTEXT_NAMES = frozenset({"ctx", "context", "run_context", "run_ctx", "runctx", "rctx"})
_NAME = re.compile(r"dispatch|tool|execute|invoke|function|call_", re.IGNORECASE)
_REGISTRY = re.compile(r"regist|command|capabilit", re.IGNORECASE)


@dataclass(frozen=True)
class Route:
    """One branch: the names that it answers to, and the method it calls (None when the work is done in the branch)."""

    names: tuple[str, ...]
    call: cst.Call | None
    branch: cst.If | cst.MatchCase

    @property
    def method(self) -> str | None:
        func = self.call.func if self.call is not None else None
        return func.attr.value if isinstance(func, cst.Attribute) else None

    def hands_on(self, function: cst.FunctionDef) -> bool:
        """Whether the method gets the model's arguments under the names that the model gives them, and nothing else."""
        assert self.call is not None
        names = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
        names = names[1:] if self_name(function) is not None else names
        aliases = _aliases(function)
        for i, arg in enumerate(self.call.args):
            if arg.star == "**":
                continue
            taken = arg.keyword.value if arg.keyword is not None else names[i] if i < len(names) else ""
            if _is_context(arg.value):
                continue
            key = next((key for m in find(arg.value, cst.Name) if (key := item_read(arg.value, m.value))), None)
            if arg.star or key != aliases.get(taken, taken):
                return False
        return True

    def hands_on_model(self, function: cst.FunctionDef) -> bool:
        """Whether all that the model gives becomes one object, of the class that the method's parameter is annotated.

        `self.book(Booking(**args))`, `self.book(Booking.model_validate(args))` with `def book(self, booking: Booking)`.
        """
        assert self.call is not None
        params = [*function.params.posonly_params, *function.params.params, *function.params.kwonly_params]
        params = [p for p in params[self_name(function) is not None :] if p.name.value not in CONTEXT_NAMES]
        given = [a.value for a in self.call.args if not _is_context(a.value)]
        annotation = params[0].annotation if len(params) == 1 else None
        if annotation is None or len(given) != 1 or not isinstance(given[0], cst.Call):
            return False
        made = given[0]
        parses = isinstance(made.func, cst.Attribute) and made.func.attr.value in _PARSING
        named = dotted(made.func.value if parses and isinstance(made.func, cst.Attribute) else made.func)
        whole = len(made.args) == 1 and (parses or made.args[0].star == "**")
        return whole and named is not None and named == dotted(annotation.annotation)


def _is_context(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Name) and value.value in CONTEXT_NAMES


#: How pydantic makes an object of a dictionary, or of its JSON text.
_PARSING = frozenset({"model_validate", "model_validate_json", "parse_obj", "parse_raw"})


@dataclass(frozen=True)
class Dispatcher:
    """`routes`: of an if/elif chain or `match`; `prefix`: what a getattr dispatcher puts before the tool's name;
    `table`: the attribute in which the tool is looked up by its name.
    """

    node: cst.FunctionDef
    routes: tuple[Route, ...] = ()
    prefix: str | None = None
    table: str | None = None

    def route(self, name: str) -> Route | None:
        return next((r for r in self.routes if name in r.names), None)


def dispatchers(node: cst.ClassDef, index: Index) -> tuple[Dispatcher, ...]:
    """The dispatchers among the methods of a class, of the tree of `index`."""
    own = {m.name.value for m in methods(node)}
    found = (dispatcher(m, index) for m in methods(node))
    return tuple(d for d in found if d is not None and _speaks_of_tools(d, own))


def _speaks_of_tools(found: Dispatcher, own: set[str]) -> bool:
    """Not every chain of `if kind == "…"` is about tools: one that is calls methods, or says so by its name."""
    if found.prefix is not None or _NAME.search(found.node.name.value):
        return True
    if found.table is not None:
        return _NAME.search(found.table) is not None or _REGISTRY.search(found.table) is not None
    called = [r.method for r in found.routes if r.method is not None]
    return len(called) > 1 or any(name in own for r in found.routes for name in r.names)


def dispatcher(function: cst.FunctionDef, index: Index) -> Dispatcher | None:
    """`function` as a dispatcher, None when it is not one."""
    instance = self_name(function)
    params = {p.name.value for p in function.params.params} - {instance}
    routes = tuple(_routes(function, params, instance, index))
    if len(routes) > 1:
        return Dispatcher(function, routes)
    for call in index.find(function, cst.Call):
        if isinstance(call.func, cst.Name) and call.func.value == "getattr" and len(call.args) >= 2:
            target, name = call.args[0].value, call.args[1].value
            if not (isinstance(target, cst.Name) and target.value == instance) or not _is_called(function, call):
                continue
            if isinstance(name, cst.Name) and name.value in params:
                return Dispatcher(function, prefix="")
            prefix = _prefix(name, params)
            if prefix is not None:
                return Dispatcher(function, prefix=prefix)
    table = _table(function, params, instance, index)
    return Dispatcher(function, table=table) if table is not None else None


def _table(function: cst.FunctionDef, params: set[str], instance: str | None, index: Index) -> str | None:
    """The attribute of `self.tools[name](ctx, **args)`, whatever is between looking the tool up and calling it.

    Only where the model's arguments are handed on (`**args`): what is looked up otherwise is a helper of a tool's.
    """
    if instance is None:
        return None
    called = [c for c in index.find(function, cst.Call) if any(a.star == "**" for a in c.args)]
    held = {c.func.value for c in called if isinstance(c.func, cst.Name)}
    looked_up = [c.func for c in called]
    for assign in index.find(function, cst.Assign) if held else ():
        if len(assign.targets) == 1 and dotted(assign.targets[0].target) in held:
            looked_up.append(assign.value)
    for node in looked_up:
        where, key = _item(node)
        if isinstance(key, cst.Name) and key.value in params and is_self_attribute(where, instance):
            assert isinstance(where, cst.Attribute)
            return where.attr.value
    return None


def _item(node: cst.CSTNode) -> tuple[cst.CSTNode, cst.CSTNode | None]:
    """`table[key]` and `table.get(key)` as table and key."""
    if isinstance(node, cst.Subscript) and len(node.slice) == 1 and isinstance(node.slice[0].slice, cst.Index):
        return node.value, node.slice[0].slice.value
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get":
        return node.func.value, node.args[0].value if node.args else None
    return node, None


def _is_called(function: cst.FunctionDef, getattr_call: cst.Call) -> bool:
    """Whether what `getattr` found is called: at once, or through a name that it was bound to."""
    for call in find(function, cst.Call):
        if call.func is getattr_call:
            return True
    for assign in find(function, cst.Assign):
        if assign.value is getattr_call and isinstance(assign.targets[0].target, cst.Name):
            bound = assign.targets[0].target.value
            return any(isinstance(c.func, cst.Name) and c.func.value == bound for c in find(function, cst.Call))
    return False


def _prefix(name: cst.BaseExpression, params: set[str]) -> str | None:
    """`f"_tool_{name}"` → `_tool_`."""
    if not isinstance(name, cst.FormattedString) or len(name.parts) != 2:
        return None
    text, hole = name.parts
    if not (isinstance(text, cst.FormattedStringText) and isinstance(hole, cst.FormattedStringExpression)):
        return None
    known = isinstance(hole.expression, cst.Name) and hole.expression.value in params
    return text.value if known else None


def _aliases(function: cst.FunctionDef) -> dict[str, str]:
    """What the model calls parameters by another name: `from_: Annotated[str, Field(alias="from")]`."""
    found: dict[str, str] = {}
    for param in find(function.params, cst.Param):
        for arg in find(param.annotation, cst.Arg) if param.annotation is not None else ():
            if arg.keyword is not None and arg.keyword.value == "alias" and isinstance(arg.value, cst.SimpleString):
                found[param.name.value] = str(string_value(arg.value))
    return found


def _routes(function: cst.FunctionDef, params: set[str], instance: str | None, index: Index) -> Iterator[Route]:
    for node in index.find(function, cst.If):
        names = _compared_names(node.test, params)
        if names:
            yield Route(names, _routed_call(node.body, instance), node)
    for match in index.find(function, cst.Match):
        if not (isinstance(match.subject, cst.Name) and match.subject.value in params):
            continue
        for case in match.cases:
            names = _case_names(case.pattern)
            if names and case.guard is None:
                yield Route(names, _routed_call(case.body, instance), case)


def _compared_names(test: cst.BaseExpression, params: set[str]) -> tuple[str, ...]:
    """The strings that `name == "x"` or `name in ("x", "y")` compares a parameter with."""
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return ()
    if not (isinstance(test.left, cst.Name) and test.left.value in params):
        return ()
    target = test.comparisons[0]
    if isinstance(target.operator, cst.Equal) and isinstance(target.comparator, cst.SimpleString):
        return (str(string_value(target.comparator)),)
    if isinstance(target.operator, cst.In) and isinstance(target.comparator, (cst.Tuple, cst.List, cst.Set)):
        values = [e.value for e in target.comparator.elements]
        if values and all(isinstance(v, cst.SimpleString) for v in values):
            return tuple(str(string_value(v)) for v in values if isinstance(v, cst.SimpleString))
    return ()


def _case_names(pattern: cst.MatchPattern) -> tuple[str, ...]:
    if isinstance(pattern, cst.MatchValue) and isinstance(pattern.value, cst.SimpleString):
        return (str(string_value(pattern.value)),)
    if isinstance(pattern, cst.MatchOr):
        parts = [_case_names(e.pattern) for e in pattern.patterns]
        return tuple(n for p in parts for n in p) if all(parts) else ()
    return ()


def _routed_call(body: cst.BaseSuite, instance: str | None) -> cst.Call | None:
    """The call of a method, if it is all that a branch of one statement does."""
    lines = list(body.body)
    if len(lines) == 1 and isinstance(lines[0], cst.SimpleStatementLine) and len(lines[0].body) == 1:
        value: cst.CSTNode | None = next(iter(children(lines[0].body[0])), None)
        if isinstance(lines[0].body[0], cst.Assign):
            value = lines[0].body[0].value
        if isinstance(value, cst.Await):
            value = value.expression
        if isinstance(value, cst.Call) and is_self_attribute(value.func, instance):
            return value
    return None
