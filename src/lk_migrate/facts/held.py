"""What is known of what variables, attributes and results hold, and how an expression is asked about.

Filled by the analysis in holdings.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

import libcst as cst

from lk_migrate.facts.families import Families, Function
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.v0_names import Kind, kind_of_name
from lk_migrate.facts.variables import Binding, binding_of

#: A library kind, or an instance of one of the project's own classes.
Held = Kind | cst.ClassDef
Kinds = frozenset[Held]
NOTHING: Kinds = frozenset()
#: The expressions that can be known to hold something.
_CARRIERS = frozenset(
    {
        cst.Name,
        cst.Attribute,
        cst.Call,
        cst.Await,
        cst.IfExp,
        cst.BooleanOperation,
        cst.NamedExpr,
        cst.Subscript,
        cst.ListComp,
        cst.GeneratorExp,
    }
)

#: The "variable" that holds what a function returns.
RESULT = "<result>"


def result_item(i: int) -> str:
    """The "variable" that holds item `i` of the tuple that a function returns."""
    return f"<result[{i}]>"


_METHOD_KINDS: dict[tuple[Kind, str], Kind] = {
    (Kind.CHAT_CONTEXT, "copy"): Kind.CHAT_CONTEXT,
    (Kind.CHAT_CONTEXT, "append"): Kind.CHAT_CONTEXT,
    (Kind.CHAT_MESSAGE, "copy"): Kind.CHAT_MESSAGE,
    (Kind.PIPELINE, "chat_ctx_copy"): Kind.CHAT_CONTEXT,
    (Kind.MULTIMODAL, "chat_ctx_copy"): Kind.CHAT_CONTEXT,
    # It returned nothing: what is kept of it can only be meant to be the agent.
    (Kind.PIPELINE, "start"): Kind.PIPELINE,
    (Kind.MULTIMODAL, "start"): Kind.MULTIMODAL,
    (Kind.LLM, "chat"): Kind.STREAM,
    (Kind.REALTIME_MODEL, "session"): Kind.REALTIME_SESSION,
    (Kind.REALTIME_MODEL, "create_session"): Kind.REALTIME_SESSION,
}
_ATTRIBUTE_KINDS: dict[tuple[Kind, str], Kind] = {
    (Kind.PIPELINE, "chat_ctx"): Kind.CHAT_CONTEXT,
    (Kind.PIPELINE, "chat_context"): Kind.CHAT_CONTEXT,
    (Kind.MULTIMODAL, "chat_ctx"): Kind.CHAT_CONTEXT,
    (Kind.AGENT, "chat_ctx"): Kind.CHAT_CONTEXT,
    (Kind.PIPELINE, "llm"): Kind.LLM,
    (Kind.PIPELINE, "fnc_ctx"): Kind.FUNCTIONS,
    (Kind.CHAT_CONTEXT, "messages"): Kind.MESSAGES,
    (Kind.REALTIME_MODEL, "sessions"): Kind.REALTIME_SESSIONS,
    (Kind.MULTIMODAL, "_session"): Kind.REALTIME_SESSION,
    (Kind.CALL_CONTEXT, "agent"): Kind.PIPELINE,
    (Kind.CALL_CONTEXT, "chat_ctx"): Kind.CHAT_CONTEXT,
}
#: Class methods that make an instance: `AgentCallContext.get_current()`, `ChatMessage.create(role=, text=)`.
_MAKERS = {"get_current": Kind.CALL_CONTEXT, "create": Kind.CHAT_MESSAGE}
_ITEM_KINDS = {Kind.MESSAGES: Kind.CHAT_MESSAGE, Kind.REALTIME_SESSIONS: Kind.REALTIME_SESSION, Kind.STREAM: Kind.CHUNK}
#: Builtins whose result has the items of their argument.
_SAME_ITEMS = frozenset({"reversed", "list", "tuple", "sorted", "iter"})


@dataclass
class Holdings(Families):
    """The result of the analysis; ask `kinds(module, expression)`.

    `learned`: when (by the `clock`, which counts what was learned) a variable became known to hold more.
    `asked`: the variables that were asked about since somebody emptied the set.
    """

    modules: list[Module] = field(default_factory=list)
    table: dict[Binding, Kinds] = field(default_factory=dict)
    constructions: list[tuple[Module, cst.Call, Kind]] = field(default_factory=list)
    _variables: dict[cst.Name, Binding | None] = field(default_factory=dict)
    _local: dict[cst.CSTNode, dict[str, cst.FunctionDef | cst.ClassDef]] = field(default_factory=dict)
    clock: int = 0
    learned: dict[Binding, int] = field(default_factory=dict)
    asked: set[Binding] = field(default_factory=set)

    def kinds(self, module: Module, expression: cst.CSTNode, depth: int = 0) -> Kinds:
        """Everything that `expression` is known to be."""
        if depth > 12 or not self.modules:
            return NOTHING
        kind = type(expression)  # every expression comes by here: `isinstance` of LibCST's types is slow
        if kind not in _CARRIERS:
            return NOTHING
        if kind is cst.Name:
            return self._of_name(module, cast(cst.Name, expression))
        if kind is cst.Attribute:
            return self._of_attribute(module, cast(cst.Attribute, expression), depth)
        if kind is cst.Call:
            return self._of_call(module, cast(cst.Call, expression), depth)
        if isinstance(expression, cst.Await):
            return self.kinds(module, expression.expression, depth + 1)
        if isinstance(expression, cst.IfExp):
            return self.kinds(module, expression.body, depth + 1) | self.kinds(module, expression.orelse, depth + 1)
        if isinstance(expression, cst.BooleanOperation):
            return self.kinds(module, expression.left, depth + 1) | self.kinds(module, expression.right, depth + 1)
        if isinstance(expression, cst.NamedExpr):
            return self.kinds(module, expression.value, depth + 1)
        if isinstance(expression, cst.Subscript):
            whole = self.kinds(module, expression.value, depth + 1)
            return whole if isinstance(expression.slice[0].slice, cst.Slice) else self.items(whole)
        if isinstance(expression, (cst.ListComp, cst.GeneratorExp)) and isinstance(expression.elt, cst.Name):
            return self.kinds(module, expression.for_in.iter, depth + 1) if _selects(expression) else NOTHING
        return NOTHING

    def has(self, module: Module, expression: cst.CSTNode, *wanted: Kind) -> bool:
        """Whether `expression` may be one of the `wanted` kinds."""
        return not self.kinds(module, expression).isdisjoint(wanted)

    def is_v0_agent(self, module: Module, expression: cst.CSTNode) -> bool:
        """Whether `expression` is what 0.x called the agent and 1.x calls the session."""
        return self.has(module, expression, Kind.PIPELINE, Kind.MULTIMODAL)

    def items(self, kinds: Kinds) -> Kinds:
        """What iterating over, or indexing into, such objects gives."""
        return frozenset(_ITEM_KINDS[k] for k in kinds if isinstance(k, Kind) and k in _ITEM_KINDS)

    def binding(self, module: Module, target: cst.CSTNode) -> Binding | None:
        """The variable or attribute that `target` reads or writes, None if that cannot be said."""
        if isinstance(target, cst.Name):
            if target not in self._variables:
                self._variables[target] = self._variable(module, target)
            return self._variables[target]
        if isinstance(target, cst.Attribute):
            for owner in self._classes(module, target.value):
                return Binding(self.root(owner), target.attr.value, attribute=True)
            symbol = self.project.resolve(module, target)
            if symbol is not None and symbol.module is not None and "." not in symbol.name:
                return Binding(symbol.module.tree, symbol.name)
        return None

    def _variable(self, module: Module, target: cst.Name) -> Binding | None:
        item = module.import_of(target.value, target)
        if item is not None:
            symbol = self.project.resolve(module, target)
            if symbol is not None and symbol.module is not None and "." not in symbol.name:
                return Binding(symbol.module.tree, symbol.name)
            return None
        return binding_of(module, target)

    def callees(self, module: Module, call: cst.Call) -> tuple[Function, ...]:
        """The project's functions that a call may reach; for a class its `__init__`."""
        func = call.func
        found: list[Function] = []
        local = self.named_function(module, func)
        if local is not None:
            return (local,)
        made = self._class_named(module, func)
        if made is not None:
            init = self.method(made, "__init__")
            return (init,) if init is not None else ()
        if isinstance(func, cst.Attribute):
            for owner in self._classes(module, func.value):
                method = self.method(owner, func.attr.value)
                if method is not None and method not in found:
                    found.append(method)
        return tuple(found)

    def named_function(self, module: Module, expression: cst.CSTNode) -> Function | None:
        """The project's function that a name (also of a nested function) or `self.method` stands for."""
        if isinstance(expression, cst.Name):
            binding = binding_of(module, expression)
            if not isinstance(binding.owner, cst.Module):
                node = self._defined_in(module, binding.owner).get(expression.value)
                return Function(module, node, None) if isinstance(node, cst.FunctionDef) else None
        symbol = self.project.resolve(module, expression)
        if symbol is not None and isinstance(symbol.node, cst.FunctionDef) and symbol.module is not None:
            return Function(symbol.module, symbol.node, None)
        if isinstance(expression, cst.Attribute):
            for owner in self._classes(module, expression.value):
                return self.method(owner, expression.attr.value)
        return None

    def _class_named(self, module: Module, expression: cst.CSTNode) -> cst.ClassDef | None:
        """The project's class that an expression names, also one that is defined inside a function."""
        symbol = self.project.resolve(module, expression)
        node, home = (symbol.node, symbol.module) if symbol is not None else (None, None)
        if symbol is None and isinstance(expression, cst.Name):
            binding = binding_of(module, expression)
            if not isinstance(binding.owner, cst.Module):
                node, home = self._defined_in(module, binding.owner).get(expression.value), module
        if not isinstance(node, cst.ClassDef) or home is None:
            return None
        self.home.setdefault(node, home)
        return node

    def _defined_in(self, module: Module, scope: cst.CSTNode) -> dict[str, cst.FunctionDef | cst.ClassDef]:
        """What a function or class defines itself, by name; the first of a name counts."""
        found = self._local.get(scope)
        if found is None:
            found = self._local[scope] = {}
            for node in module.index.own_scope(scope):
                if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
                    found.setdefault(node.name.value, node)
        return found

    def _classes(self, module: Module, expression: cst.CSTNode) -> Iterator[cst.ClassDef]:
        if isinstance(expression, cst.Name) and expression.value in ("self", "cls"):
            owner = module.index.enclosing(expression, cst.ClassDef)
            if isinstance(owner, cst.ClassDef):
                self.home.setdefault(owner, module)
                yield owner
            return
        for kind in self.kinds(module, expression, 6):
            if isinstance(kind, cst.ClassDef):
                yield kind

    def _of_name(self, module: Module, name: cst.Name) -> Kinds:
        binding = self.binding(module, name)
        return self.held(binding) if binding is not None else NOTHING

    def held(self, binding: Binding) -> Kinds:
        """What is known of a variable so far; remembered as asked (see `_learn_all`)."""
        self.asked.add(binding)
        return self.table.get(binding, NOTHING)

    def _of_attribute(self, module: Module, node: cst.Attribute, depth: int) -> Kinds:
        binding = self.binding(module, node)
        found = self.held(binding) if binding is not None else NOTHING
        if node.attr.value == "chat_ctx" and getattr(node.value, "value", None) == "self":
            owners = list(self._classes(module, node.value))
            if any(Kind.STREAM in self.of_class(owner) for owner in owners):
                return found | {Kind.CHAT_CONTEXT}  # an own stream keeps the context that it answers
        for kind in self.kinds(module, node.value, depth + 1):
            more = _ATTRIBUTE_KINDS.get((kind, node.attr.value)) if isinstance(kind, Kind) else None
            if more is not None:
                found |= {more}
        return found

    def _of_call(self, module: Module, call: cst.Call, depth: int) -> Kinds:
        func = call.func.value if isinstance(call.func, cst.Subscript) else call.func
        if isinstance(func, cst.Name) and func.value in _SAME_ITEMS and len(call.args) > 0:
            return self.kinds(module, call.args[0].value, depth + 1)
        name = self.project.full_name(module, func)
        kind = kind_of_name(name)
        if kind is not None:
            return frozenset({kind})
        if isinstance(func, cst.Name) and func.value == "next" and call.args:
            return self.items(self.kinds(module, call.args[0].value, depth + 1))
        if name in ("copy.copy", "copy.deepcopy") and call.args:
            return self.kinds(module, call.args[0].value, depth + 1)
        if name is not None and name.startswith("livekit.plugins.") and ".LLM.with_" in name:
            return frozenset({Kind.LLM})
        if name is not None and ".RealtimeModel.with_" in name:
            return frozenset({Kind.REALTIME_MODEL})
        made = self._class_named(module, func)
        if made is not None:
            return self.of_class(made)
        found = NOTHING
        if isinstance(func, cst.Attribute):
            if func.attr.value in _MAKERS:
                made_by = kind_of_name(self.project.full_name(module, func.value))
                if made_by is _MAKERS[func.attr.value]:
                    return frozenset({made_by})
            if func.attr.value == "chat" and self._is_given_a_context(module, call):
                found |= {Kind.STREAM}
            for held in self.kinds(module, func.value, depth + 1):
                more = _METHOD_KINDS.get((held, func.attr.value)) if isinstance(held, Kind) else None
                if more is not None:
                    found |= {more}
        for function in self.callees(module, call):
            found |= self.held(Binding(function.node, RESULT))
        return found | self._of_callable(module, func)

    def _of_callable(self, module: Module, func: cst.CSTNode) -> Kinds:
        """What calling a parameter gives that is annotated `Callable[…, LLM]`."""
        binding = self.binding(module, func) if isinstance(func, cst.Name) else None
        return self.held(Binding(binding.owner, f"{binding.name}()")) if binding is not None else NOTHING

    def _is_given_a_context(self, module: Module, call: cst.Call) -> bool:
        """`x.chat(chat_ctx=…)` with a chat context: nothing but an LLM takes one."""
        given = [a.value for a in call.args if a.keyword is not None and a.keyword.value == "chat_ctx"]
        return bool(given) and self.has(module, given[0], Kind.CHAT_CONTEXT)

    def of_class(self, node: cst.ClassDef) -> Kinds:
        """What an instance of a project class is: the class itself, and the library kinds it derives from."""
        found: set[Held] = {node}
        for owner in self.ancestry(node):
            for arg in owner.bases:
                kind = kind_of_name(self.project.full_name(self.home[owner], arg.value))
                if kind is not None:
                    found.add(kind)
        return frozenset(found)

    def of_annotation(self, module: Module, annotation: cst.CSTNode) -> Kinds:
        """What an annotation promises, through Optional, unions and quotes."""
        found: Kinds = NOTHING
        stack: list[cst.CSTNode] = [annotation]
        while stack:
            node = stack.pop()
            if isinstance(node, (cst.Name, cst.Attribute)):
                found |= self._of_type(self.project.resolve(module, node))
            elif (text := text_of(node)) is not None:
                for word in text.replace("|", " ").replace("[", " ").replace("]", " ").split():
                    found |= self._of_type(self.project.resolve_name(module, word.strip(",'\"")))
            elif isinstance(node, cst.BinaryOperation):
                stack += [node.left, node.right]
            elif isinstance(node, cst.Subscript):
                head = (dotted(node.value) or "").rpartition(".")[2]
                if head in ("Optional", "Union", "Annotated"):
                    stack += [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
                elif head in ("list", "List"):
                    inner = [e.slice.value for e in node.slice if isinstance(e.slice, cst.Index)]
                    if any(Kind.CHAT_MESSAGE in self.of_annotation(module, i) for i in inner):
                        found |= {Kind.MESSAGES}
                else:
                    stack.append(node.value)
        return found

    def _of_type(self, symbol: object) -> Kinds:
        node = getattr(symbol, "node", None)
        if isinstance(node, cst.ClassDef):
            home = getattr(symbol, "module", None)
            if home is not None:
                self.home.setdefault(node, home)
            return self.of_class(node)
        if symbol is not None and getattr(symbol, "module", None) is None:
            kind = kind_of_name(getattr(symbol, "name", None))
            return frozenset({kind}) if kind is not None else NOTHING
        return NOTHING

    def learn(self, binding: Binding | None, kinds: Kinds) -> bool:
        """Add to what a variable holds; whether that was news."""
        if binding is None or not kinds:
            return False
        known = self.table.get(binding, NOTHING)
        if kinds <= known:
            return False
        self.table[binding] = known | kinds
        self.clock += 1
        self.learned[binding] = self.clock
        return True


def _selects(node: cst.ListComp | cst.GeneratorExp) -> bool:
    """`[m for m in messages if …]`: the items themselves."""
    target = node.for_in.target
    same = isinstance(target, cst.Name) and isinstance(node.elt, cst.Name) and target.value == node.elt.value
    return same and node.for_in.inner_for_in is None
