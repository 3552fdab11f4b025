"""The state of an evaluation: names, objects and their attributes, and what was done besides."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import libcst as cst

from lk_migrate.facts.evaluation import calls, expressions
from lk_migrate.facts.evaluation.given import annotated, given_value
from lk_migrate.facts.evaluation.initial import assigned, declared, inits, parameters_of, set_up_by_inits
from lk_migrate.facts.evaluation.surroundings import Surroundings, scopes_around
from lk_migrate.facts.evaluation.userdata import user_data
from lk_migrate.facts.evaluation.values import (
    UTTERANCE,
    External,
    Function,
    Instance,
    Raised,
    Scopes,
    Undecidable,
    Unknown,
    Utterance,
)
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project

#: Such an attribute changes with every utterance, even if it begins as a number.
_COUNTS_UTTERANCES = re.compile(r"_?id$|turn_?(no|num|key|count|index)|^_?(current_)?turn$", re.I)

#: What a tool's context has that lasts as long as the session.
_OF_THE_SESSION = frozenset({"session", "userdata", "room", "job", "proc", "agent"})
_PER_CALL = re.compile(r"^\w+ of call \d+$")
_OF_A_CALL = re.compile(r"^\w+ of call \d+$|^session of the session$|^self\.session$")

#: An evaluation that takes more is given up.
_STEPS = 4000

_MISSING = object()


@dataclass
class Machine:
    """Evaluates code of `project`. `today`: only what a RunContext of the target version has can be read from `ctx`.

    `asks`: how often the gate at `asked_at` was asked. `counted`: attributes that the tried function sets itself, so
    that they are never taken for the utterance's id. `changed`: the classes of the objects that were given attributes,
    in order.
    """

    project: Project
    today: bool = False
    assume: bool = False
    counted: frozenset[str] = frozenset()
    utterance: int = 1
    steps: int = 0
    probed: bool = False
    asked: bool = False
    effects: set[str] = field(default_factory=set)
    yields: list[Any] = field(default_factory=list)
    globals: dict[tuple[str, str], Any] = field(default_factory=dict)

    asks: int = 0
    asked_at: cst.CSTNode | None = None
    instances: list[Instance] = field(default_factory=list)
    surroundings: dict[cst.FunctionDef, Surroundings] = field(default_factory=dict)
    asking: set[tuple[cst.FunctionDef, str]] = field(default_factory=set)
    session_data: Any = None
    changed: dict[cst.ClassDef, None] = field(default_factory=dict)

    def track(self, instance: Instance) -> None:
        """Remember an object whose attributes `reset` may set."""
        if instance not in self.instances:
            self.instances.append(instance)

    def reset(self, values: Mapping[str, Any]) -> None:
        """What happens when the user speaks again: some attributes are set."""
        for instance in self.instances:
            for held in [instance, *(v for v in instance.attributes.values() if isinstance(v, Instance))]:
                held.attributes.update({n: v for n, v in values.items() if n in held.attributes})

    # -- names ------------------------------------------------------------------------------------------------

    def lookup(self, module: Module, name: str, scopes: Scopes) -> Any:
        """The value of a name, seen from the innermost of `scopes`."""
        if name not in (scopes[-1].get("global", ()) if scopes else ()):
            for scope in reversed(scopes):
                if name in scope:
                    return scope[name]
        if name in ("None", "True", "False"):
            return {"None": None, "True": True, "False": False}[name]
        return self.module_level(module, name)

    def module_level(self, module: Module, name: str) -> Any:
        """The value of a name of the module, where that is imported from."""
        if (module.path, name) in self.globals:
            return self.globals[module.path, name]
        symbol = self.project.resolve_name(module, name)
        if symbol is None:
            return External(name)
        if symbol.module is None:
            return External(symbol.name)
        key = (symbol.module.path, symbol.name)
        if key not in self.globals:
            self.globals[key] = self._defined(symbol.module, symbol.node, symbol.name)
        return self.globals[key]

    def _defined(self, module: Module, node: cst.CSTNode | None, name: str) -> Any:
        if isinstance(node, cst.FunctionDef):
            return Function(module, node)
        if isinstance(node, cst.ClassDef):
            return Class(module, node)
        if isinstance(node, cst.BaseExpression):
            return self.evaluate(module, node, ())
        return Unknown(name)

    # -- attributes -------------------------------------------------------------------------------------------

    def attribute(self, value: Any, name: str) -> Any:
        """`value.name`. Raises LookupError when it does not exist."""
        if isinstance(value, Instance):
            return value.attributes if name == "__dict__" else self._member(value, name)
        if isinstance(value, Utterance):
            if self.today and not (value.handle and name == "id"):
                raise LookupError(name)
            return Utterance(value.number)
        if isinstance(value, Function):
            if name in value.attributes:
                return value.attributes[name]
            raise LookupError(name)
        if isinstance(value, External):
            return External(f"{value.name}.{name}")
        if isinstance(value, Unknown) and name == "userdata" and _OF_A_CALL.search(value.origin):
            if self.session_data is None:
                self.session_data = user_data(self)
            return self.session_data
        if isinstance(value, Unknown) and name in _OF_THE_SESSION and _PER_CALL.search(value.origin):
            return Unknown(f"{name} of the session")  # the same at every call of a tool
        if isinstance(value, Unknown):
            return self._utterance(name) if UTTERANCE.search(name) else Unknown(f"{value.origin}.{name}", value.given)
        if value is None:
            raise LookupError(name)
        return Unknown(name)

    def _utterance(self, name: str) -> Utterance:
        self.asked = True
        if self.today and name not in ("speech_handle", "current_speech"):
            raise LookupError(name)
        return Utterance(self.utterance, handle=name in ("speech_handle", "current_speech"))

    def _member(self, value: Instance, name: str) -> Any:
        if name in value.attributes:
            return value.attributes[name]
        if name not in self.counted and UTTERANCE.search(name) and method(value.line, name) is None:
            initial = self._initial(value, name)
            numbered = _COUNTS_UTTERANCES.search(name) and not isinstance(initial, (Instance, dict, set, list))
            if initial is None or initial is _MISSING or numbered:
                self.asked = True
                return Utterance(self.utterance)
        found = method(value.line, name)
        if found is not None:
            if any(dotted(d.decorator) == "property" for d in found[1].decorators):
                return self.call(Function(found[0].module, found[1], (), value), [], {})
            return Function(found[0].module, found[1], (), value)
        initial = self._initial(value, name)
        if initial is not _MISSING:
            value.attributes[name] = initial
            return initial
        if name in self.counted:
            raise LookupError(name)
        return Unknown(f"self.{name}", given=True)

    def _initial(self, value: Instance, name: str) -> Any:
        """What `__init__`, a method that it calls, or the class body gives the attribute at first."""
        for cls, scope in chain(inits(value.line), set_up_by_inits(value.line), ((c, c.node) for c in value.line)):
            first = assigned(scope, name, in_class=isinstance(scope, cst.ClassDef))
            if first is not None:
                return self.evaluate(cls.module, first, (self._parameters(cls.module, scope, value),))
        for cls in value.line:
            held = next((annotated(self, cls.module, f) for f in declared(cls.node, name)), None)
            if held is not None:
                value.attributes[name] = held
                return held
        return _MISSING

    def _parameters(self, module: Module, scope: cst.CSTNode, value: Instance) -> dict[str, Any]:
        if not isinstance(scope, cst.FunctionDef):
            return {}
        names: dict[str, Any] = {"self": value}
        for param in parameters_of(scope)[1:]:
            name = param.name.value
            if name in value.arguments:
                names[name] = value.arguments[name]
            else:
                names[name] = given_value(self, module, scope, param)
        return names

    # -- evaluating -------------------------------------------------------------------------------------------

    def frame(self, module: Module, scopes: Scopes) -> Frame:
        """A place from which to evaluate."""
        return Frame(self, module, scopes)

    def evaluate(self, module: Module, node: cst.CSTNode, scopes: Scopes) -> Any:
        """The value of an expression, as far as it can be known."""
        return Frame(self, module, scopes).evaluate(node)

    def aside(self, module: Module, node: cst.CSTNode, scopes: Scopes) -> Any:
        """The value that an expression had before anything was asked; a stand-in when that cannot be known."""
        before = self.steps, self.asked, self.probed, set(self.effects)
        try:
            return self.evaluate(module, node, scopes)
        except (Undecidable, Raised):
            return Unknown("a value")
        finally:
            self.steps, self.asked, self.probed, self.effects = before

    def scopes_around(self, module: Module, node: cst.CSTNode, this: Instance | None = None) -> Scopes:
        """The scopes of the functions around `node`; `this`: the object whose method one of them is."""
        return scopes_around(self, module, node, this)

    def call(self, function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a value with values."""
        return calls.call(self, function, args, keywords)

    def step(self) -> None:
        """Count one expression or statement. Raises Undecidable when there are too many."""
        self.steps += 1
        if self.steps > _STEPS:
            raise Undecidable("too long")


@dataclass(frozen=True)
class Frame:
    """Where the evaluation stands: the module and the scopes around the node, innermost last."""

    machine: Machine
    module: Module
    scopes: Scopes

    def evaluate(self, node: cst.CSTNode) -> Any:
        """The value of an expression, as far as it can be known."""
        self.machine.step()
        handler = expressions.HANDLERS.get(type(node))
        if handler is None:
            raise Undecidable(type(node).__name__)
        return handler(self, node)
