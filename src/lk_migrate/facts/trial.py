"""Trying a small function on paper: what it returns, call after call, without running the person's code.

A turn gate has many shapes and names; what makes it one is its behaviour: with one utterance it lets N calls
through and then refuses, with the next utterance it lets calls through again. So we evaluate it, over LibCST
nodes, with stand-ins for everything that we cannot know. Whatever depends on such a stand-in (a clock, the
network, a library) is undecidable, and then it is not called a gate.
"""

from __future__ import annotations

import operator
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import descendants, find, own_scope

#: Names that identify what the user just said, or the answer to it.
UTTERANCE = re.compile(r"speech|utterance|turn_?(id|no|num|key|count|index)|^_?(current_)?turn$|generation_?id", re.I)

#: Such an attribute changes with every utterance, even if it begins as a number.
_COUNTS_UTTERANCES = re.compile(r"_?id$|turn_?(no|num|key|count|index)|^_?(current_)?turn$", re.I)

#: What a gate may call without doing anything that would be missed.
_HARMLESS = re.compile(
    r"^(logging|structlog|loguru|time|asyncio|threading|datetime|functools|warnings|inspect|print$|weakref|uuid)\b"
    r"|\.(debug|info|warning|warn|error|exception|log|critical)$"
)
_STEPS = 4000
#: Stands for a number that only the outside knows (an argument, an environment variable).
PROBE = 3


class Undecidable(Exception):
    """The outcome depends on something that cannot be known from the code."""


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        self.value = value


class Raised(Exception):
    """The function raised; `value` is the evaluated exception."""

    def __init__(self, value: Any, name: str) -> None:
        self.value = value
        self.name = name


class _Jump(Exception):
    """`break` or `continue`."""


@dataclass(frozen=True)
class Utterance:
    """The id of one thing that the user said; `handle`: the SpeechHandle that has it."""

    number: int
    handle: bool = False


@dataclass(frozen=True)
class Unknown:
    """A stand-in. `given`: it is handed in from outside (an argument, the environment) and does not change."""

    origin: str
    given: bool = False


@dataclass(frozen=True)
class External:
    """A library's function, class or module by its full name."""

    name: str


@dataclass(eq=False)
class Instance:
    """An object of a project class (`line[0]`; empty: of an unknown one) with the attributes it has so far."""

    line: tuple[Class, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Function:
    """A function with the scopes it was made in."""

    module: Module
    node: cst.FunctionDef | cst.Lambda
    scopes: tuple[dict[str, Any], ...] = ()
    bound: Instance | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Wrapped:
    """The tool that a decorator wraps: calling it means that the call was let through."""

    calls: int = 0


_BINARY: dict[type[cst.CSTNode], Callable[[Any, Any], Any]] = {
    cst.Add: operator.add,
    cst.Subtract: operator.sub,
    cst.Multiply: operator.mul,
    cst.FloorDivide: operator.floordiv,
    cst.Modulo: operator.mod,
    cst.BitOr: operator.or_,
    cst.AddAssign: operator.add,
    cst.SubtractAssign: operator.sub,
}
_COMPARE: dict[type[cst.CSTNode], Callable[[Any, Any], Any]] = {
    cst.LessThan: operator.lt,
    cst.LessThanEqual: operator.le,
    cst.GreaterThan: operator.gt,
    cst.GreaterThanEqual: operator.ge,
    cst.Equal: operator.eq,
    cst.NotEqual: operator.ne,
    cst.Is: operator.eq,
    cst.IsNot: operator.ne,
}
_CONSTRUCTORS: dict[str, Callable[..., Any]] = {
    "dict": dict,
    "set": set,
    "list": list,
    "int": int,
    "str": str,
    "bool": bool,
    "len": len,
    "max": max,
    "min": min,
    "tuple": tuple,
    "collections.Counter": Counter,
    "collections.OrderedDict": dict,
    "collections.deque": lambda *a, **k: list(*a),
}
_METHODS = {
    dict: {"get", "setdefault", "pop", "clear", "update", "keys", "values", "items"},
    list: {"append", "clear", "count", "pop", "extend"},
    set: {"add", "clear", "discard", "remove"},
    str: {"format", "strip", "lower"},
}


@dataclass
class Machine:
    """Evaluates code of `project`. `today`: only what a RunContext of the target version has can be read from `ctx`.

    `asks`: how often the gate at `asked_at` was asked. `counted`: attributes that the tried function sets itself, so
    that they are never taken for the utterance's id.
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

    def lookup(self, module: Module, node: cst.Name, scopes: tuple[dict[str, Any], ...]) -> Any:
        name = node.value
        if name not in (scopes[-1].get("global", ()) if scopes else ()):
            for scope in reversed(scopes):
                if name in scope:
                    return scope[name]
        if name in ("None", "True", "False"):
            return {"None": None, "True": True, "False": False}[name]
        return self.module_level(module, name)

    def module_level(self, module: Module, name: str) -> Any:
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
            return self._member(value, name)
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
            if initial is None or initial is _MISSING or _COUNTS_UTTERANCES.search(name):
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
        """What `__init__` or the class body gives the attribute at first."""
        for wanted in (True, False):
            for cls in value.line:
                for scope in (n for n in cls.methods() if n.name.value == "__init__") if wanted else (cls.node,):
                    assigned = _assigned(scope, name, in_class=not wanted)
                    if assigned is not None:
                        return self.evaluate(cls.module, assigned, (self._parameters(cls.module, scope, value),))
        return _MISSING

    def _parameters(self, module: Module, scope: cst.CSTNode, value: Instance) -> dict[str, Any]:
        if not isinstance(scope, cst.FunctionDef):
            return {}
        names: dict[str, Any] = {"self": value}
        for param in _parameters(scope)[1:]:
            name = param.name.value
            if name in value.arguments:
                names[name] = value.arguments[name]
            elif param.default is not None:
                names[name] = self.evaluate(module, param.default, ())
            else:
                names[name] = Unknown(name, given=True)
        return names

    # -- expressions ------------------------------------------------------------------------------------------

    def evaluate(self, module: Module, node: cst.CSTNode, scopes: tuple[dict[str, Any], ...]) -> Any:
        """The value of an expression, as far as it can be known."""
        self.steps += 1
        if self.steps > _STEPS:
            raise Undecidable("too long")
        handler = getattr(self, f"_eval_{type(node).__name__}", None)
        if handler is None:
            raise Undecidable(type(node).__name__)
        return handler(module, node, scopes)

    def _eval_Name(self, module: Module, node: cst.Name, scopes: Any) -> Any:
        return self.lookup(module, node, scopes)

    def _eval_Integer(self, module: Module, node: cst.Integer, scopes: Any) -> Any:
        return node.evaluated_value

    def _eval_Float(self, module: Module, node: cst.Float, scopes: Any) -> Any:
        return node.evaluated_value

    def _eval_SimpleString(self, module: Module, node: cst.SimpleString, scopes: Any) -> Any:
        return node.evaluated_value

    def _eval_ConcatenatedString(self, module: Module, node: cst.ConcatenatedString, scopes: Any) -> Any:
        return node.evaluated_value if isinstance(node.evaluated_value, str) else "text"

    def _eval_FormattedString(self, module: Module, node: cst.FormattedString, scopes: Any) -> Any:
        return "text"

    def _eval_Attribute(self, module: Module, node: cst.Attribute, scopes: Any) -> Any:
        value = self.evaluate(module, node.value, scopes)
        try:
            return self.attribute(value, node.attr.value)
        except LookupError:
            raise Raised(Unknown("AttributeError"), "AttributeError") from None

    def _eval_Await(self, module: Module, node: cst.Await, scopes: Any) -> Any:
        return self.evaluate(module, node.expression, scopes)

    def _eval_Tuple(self, module: Module, node: cst.Tuple, scopes: Any) -> Any:
        return tuple(self.evaluate(module, e.value, scopes) for e in node.elements)

    def _eval_List(self, module: Module, node: cst.List, scopes: Any) -> Any:
        return [self.evaluate(module, e.value, scopes) for e in node.elements]

    def _eval_Set(self, module: Module, node: cst.Set, scopes: Any) -> Any:
        return {self.evaluate(module, e.value, scopes) for e in node.elements}

    def _eval_Dict(self, module: Module, node: cst.Dict, scopes: Any) -> Any:
        found = {}
        for element in node.elements:
            if not isinstance(element, cst.DictElement):
                raise Undecidable("a dict with **")
            found[self.evaluate(module, element.key, scopes)] = self.evaluate(module, element.value, scopes)
        return found

    def _eval_NamedExpr(self, module: Module, node: cst.NamedExpr, scopes: Any) -> Any:
        value = self.evaluate(module, node.value, scopes)
        self.assign(module, node.target, value, scopes)
        return value

    def _eval_IfExp(self, module: Module, node: cst.IfExp, scopes: Any) -> Any:
        taken = node.body if self.truth(self.evaluate(module, node.test, scopes)) else node.orelse
        return self.evaluate(module, taken, scopes)

    def _eval_Lambda(self, module: Module, node: cst.Lambda, scopes: Any) -> Any:
        return Function(module, node, scopes)

    def _eval_Yield(self, module: Module, node: cst.Yield, scopes: Any) -> Any:
        self.yields.append(None if node.value is None else self.evaluate(module, node.value, scopes))

    def _eval_BooleanOperation(self, module: Module, node: cst.BooleanOperation, scopes: Any) -> Any:
        left = self.evaluate(module, node.left, scopes)
        if self.truth(left) is isinstance(node.operator, cst.Or):
            return left
        return self.evaluate(module, node.right, scopes)

    def _eval_UnaryOperation(self, module: Module, node: cst.UnaryOperation, scopes: Any) -> Any:
        value = self.evaluate(module, node.expression, scopes)
        if isinstance(node.operator, cst.Not):
            return not self.truth(value)
        if isinstance(node.operator, cst.Minus) and isinstance(value, (int, float)):
            return -value
        raise Undecidable("an operator")

    def _eval_BinaryOperation(self, module: Module, node: cst.BinaryOperation, scopes: Any) -> Any:
        return self._binary(
            type(node.operator), self.evaluate(module, node.left, scopes), self.evaluate(module, node.right, scopes)
        )

    def _binary(self, kind: type[cst.CSTNode], left: Any, right: Any) -> Any:
        if kind is cst.Modulo and isinstance(left, str):
            return "text"
        if isinstance(left, (Unknown, Utterance, External)) or isinstance(right, (Unknown, Utterance, External)):
            left, right = self._probe(left, right), self._probe(right, left)
            if not (isinstance(left, int) and isinstance(right, int)):
                return Unknown("a computation")
        apply = _BINARY.get(kind)
        try:
            return apply(left, right) if apply is not None else Unknown("a computation")
        except (TypeError, ValueError, ArithmeticError):
            raise Undecidable("an operator") from None

    def _probe(self, value: Any, other: Any) -> Any:
        if isinstance(value, Unknown) and value.given and isinstance(other, int):
            self.probed = True
            return PROBE
        return value

    def _eval_Comparison(self, module: Module, node: cst.Comparison, scopes: Any) -> Any:
        left = self.evaluate(module, node.left, scopes)
        for target in node.comparisons:
            right = self.evaluate(module, target.comparator, scopes)
            if not self._compare(target.operator, left, right):
                return False
            left = right
        return True

    def _compare(self, sign: cst.BaseCompOp, left: Any, right: Any) -> bool:
        if isinstance(sign, (cst.In, cst.NotIn)):
            if not isinstance(right, (dict, set, list, tuple)):
                raise Undecidable("in")
            return (left in right) is isinstance(sign, cst.In)
        if left is None or right is None:
            if isinstance(sign, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
                return (left is right) is isinstance(sign, (cst.Is, cst.Equal))
            raise Raised(Unknown("TypeError"), "TypeError")
        left, right = self._probe(left, right), self._probe(right, left)
        if isinstance(left, (Unknown, External)) or isinstance(right, (Unknown, External)):
            raise Undecidable(f"{left} compared with {right}")
        apply = _COMPARE[type(sign)]
        try:
            return bool(apply(left, right))
        except TypeError:
            raise Undecidable("a comparison") from None

    def truth(self, value: Any) -> bool:
        if isinstance(value, Unknown):
            if value.given:
                return self.assume
            raise Undecidable(f"depends on {value.origin}")
        if isinstance(value, External):
            raise Undecidable(f"depends on {value.name}")
        return True if isinstance(value, (Instance, Function, Class, Utterance, Wrapped)) else bool(value)

    def _eval_Subscript(self, module: Module, node: cst.Subscript, scopes: Any) -> Any:
        value = self.evaluate(module, node.value, scopes)
        key = self._key(module, node, scopes)
        if isinstance(value, (Unknown, External)):
            return Unknown("an item", given=isinstance(value, External) or value.given)
        try:
            return value[key]
        except (KeyError, IndexError, TypeError):
            raise Raised(Unknown("KeyError"), "KeyError") from None

    def _key(self, module: Module, node: cst.Subscript, scopes: Any) -> Any:
        index = node.slice[0].slice
        if len(node.slice) != 1 or not isinstance(index, cst.Index):
            raise Undecidable("a slice")
        return self.evaluate(module, index.value, scopes)

    # -- calls ------------------------------------------------------------------------------------------------

    def _eval_Call(self, module: Module, node: cst.Call, scopes: Any) -> Any:
        if isinstance(node.func, cst.Attribute):
            owner = self.evaluate(module, node.func.value, scopes)
            if type(owner) in (dict, list, set, str, Counter, defaultdict):
                return self._builtin_method(module, owner, node, scopes)
            try:
                function = self.attribute(owner, node.func.attr.value)
            except LookupError:
                raise Raised(Unknown("AttributeError"), "AttributeError") from None
        else:
            function = self.evaluate(module, node.func, scopes)
        args, keywords = self._arguments(module, node, scopes)
        return self.call(function, args, keywords)

    def _arguments(self, module: Module, node: cst.Call, scopes: Any) -> tuple[list[Any], dict[str, Any]]:
        args: list[Any] = []
        keywords: dict[str, Any] = {}
        for arg in node.args:
            if arg.star == "**":
                continue
            value = self.evaluate(module, arg.value, scopes)
            if node is self.asked_at and isinstance(value, str):
                # A gate counts calls, whatever they are about: so each call is about something else.
                value = f"{value} {self.asks}"
            if arg.star:
                args.extend(value if isinstance(value, (tuple, list)) else ())
            elif arg.keyword is not None:
                keywords[arg.keyword.value] = value
            else:
                args.append(value)
        return args, keywords

    def _builtin_method(self, module: Module, owner: Any, node: cst.Call, scopes: Any) -> Any:
        assert isinstance(node.func, cst.Attribute)
        name = node.func.attr.value
        allowed = next((names for kind, names in _METHODS.items() if isinstance(owner, kind)), set())
        args, keywords = self._arguments(module, node, scopes)
        if name not in allowed:
            raise Undecidable(name)
        if isinstance(owner, str):
            return "text"
        try:
            return getattr(owner, name)(*args, **keywords)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise Raised(Unknown(type(error).__name__), type(error).__name__) from None

    def call(self, function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
        """Call a value with values."""
        if isinstance(function, Wrapped):
            function.calls += 1
            return Unknown("the tool's answer")
        if isinstance(function, Function):
            return self._call_function(function, args, keywords)
        if isinstance(function, Class):
            return self._instantiate(function, args, keywords)
        if isinstance(function, Instance):
            return self.call(self.attribute(function, "__call__"), args, keywords)
        if isinstance(function, External):
            return self._call_external(function.name, args, keywords)
        if isinstance(function, Unknown):
            if not _HARMLESS.search(function.origin):
                self.effects.add(function.origin)
            return Unknown(f"{function.origin}()")
        raise Undecidable("a call")

    def _call_external(self, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
        if name in ("getattr", "hasattr", "setattr"):
            return self._reflect(name, args)
        if name in ("functools.wraps", "functools.update_wrapper"):
            return External("an identity")
        if name == "an identity":
            return args[0]
        if name in ("collections.defaultdict",):
            factory = {External("int"): int, External("list"): list, External("set"): set, External("dict"): dict}
            made = args[0] if args else None
            if isinstance(made, Function):
                return defaultdict(lambda: self.call(made, [], {}))
            return defaultdict(factory.get(made)) if isinstance(made, External) else defaultdict(None)
        if name in ("os.getenv", "os.environ.get"):
            return Unknown("the environment", given=True)
        if name == "isinstance":
            raise Undecidable("isinstance")
        known = _CONSTRUCTORS.get(name)
        if known is not None:
            if any(isinstance(a, (Unknown, External, Utterance)) for a in args):
                outside = next(a for a in args if isinstance(a, (Unknown, External, Utterance)))
                if isinstance(outside, Utterance):
                    return outside
                return Unknown(f"{name}()", given=isinstance(outside, Unknown) and outside.given)
            try:
                return known(*args, **keywords)
            except (TypeError, ValueError):
                raise Undecidable(name) from None
        if not _HARMLESS.search(name) and not name.endswith(("Error", "Exception")):
            self.effects.add(name)
        return Unknown(f"{name}()")

    def _reflect(self, name: str, args: list[Any]) -> Any:
        if len(args) < 2 or not isinstance(args[1], str):
            raise Undecidable(name)
        if name == "setattr":
            self._set_attribute(args[0], args[1], args[2])
            return None
        try:
            value = self.attribute(args[0], args[1])
        except LookupError:
            if name == "hasattr":
                return False
            if len(args) > 2:
                return args[2]
            raise Raised(Unknown("AttributeError"), "AttributeError") from None
        if isinstance(value, Unknown) and isinstance(args[0], Instance) and args[1] not in args[0].attributes:
            # Nothing in the project sets it.
            return False if name == "hasattr" else args[2] if len(args) > 2 else value
        return True if name == "hasattr" else value

    def _instantiate(self, cls: Class, args: list[Any], keywords: dict[str, Any]) -> Instance:
        line = self.project.fact(lineages).of.get(cls.node, (cls,))
        found = method(line, "__init__")
        names = [p.name.value for p in _parameters(found[1])[1:]] if found else _fields(line)
        return Instance(line, {**dict(zip(names, args, strict=False)), **keywords})

    def _call_function(self, function: Function, args: list[Any], keywords: dict[str, Any]) -> Any:
        node = function.node
        values = [function.bound, *args] if function.bound is not None and not _is_static(node) else args
        scope: dict[str, Any] = {}
        positional = [*node.params.posonly_params, *node.params.params]
        for i, param in enumerate([*positional, *node.params.kwonly_params]):
            name = param.name.value
            if i < len(values) and i < len(positional):
                scope[name] = values[i]
            elif name in keywords:
                scope[name] = keywords[name]
            elif param.default is not None:
                scope[name] = self.evaluate(function.module, param.default, function.scopes)
            else:
                scope[name] = Utterance(self.utterance) if UTTERANCE.search(name) else Unknown(name)
        if isinstance(node.params.star_arg, cst.Param):
            scope[node.params.star_arg.name.value] = tuple(values[len(positional) :])
        if node.params.star_kwarg is not None:
            scope[node.params.star_kwarg.name.value] = Unknown("**kwargs")
        scopes = (*function.scopes, scope)
        if isinstance(node, cst.Lambda):
            return self.evaluate(function.module, node.body, scopes)
        try:
            self.run(function.module, node.body, scopes)
        except _Return as result:
            return result.value
        return None

    # -- statements -------------------------------------------------------------------------------------------

    def run(self, module: Module, node: cst.CSTNode, scopes: tuple[dict[str, Any], ...]) -> None:
        """Execute a statement or a block."""
        self.steps += 1
        if self.steps > _STEPS:
            raise Undecidable("too long")
        if isinstance(node, (cst.IndentedBlock, cst.SimpleStatementLine, cst.SimpleStatementSuite)):
            for statement in node.body:
                self.run(module, statement, scopes)
            return
        handler = getattr(self, f"_run_{type(node).__name__}", None)
        if handler is None:
            raise Undecidable(type(node).__name__)
        handler(module, node, scopes)

    def _run_Pass(self, module: Module, node: cst.Pass, scopes: Any) -> None:
        pass

    _run_Import = _run_ImportFrom = _run_Pass

    def _run_Global(self, module: Module, node: cst.Global, scopes: Any) -> None:
        scopes[-1].setdefault("global", set()).update(i.name.value for i in node.names)

    def _run_Nonlocal(self, module: Module, node: cst.Nonlocal, scopes: Any) -> None:
        scopes[-1].setdefault("nonlocal", set()).update(i.name.value for i in node.names)

    def _run_Expr(self, module: Module, node: cst.Expr, scopes: Any) -> None:
        self.evaluate(module, node.value, scopes)

    def _run_Return(self, module: Module, node: cst.Return, scopes: Any) -> None:
        raise _Return(None if node.value is None else self.evaluate(module, node.value, scopes))

    def _run_Raise(self, module: Module, node: cst.Raise, scopes: Any) -> None:
        name = "Exception"
        if node.exc is not None:
            head = node.exc.func if isinstance(node.exc, cst.Call) else node.exc
            name = dotted(head) or name
        raise Raised(Unknown(name), name)

    def _run_If(self, module: Module, node: cst.If, scopes: Any) -> None:
        if self.truth(self.evaluate(module, node.test, scopes)):
            self.run(module, node.body, scopes)
        elif isinstance(node.orelse, cst.If):
            self.run(module, node.orelse, scopes)
        elif node.orelse is not None:
            self.run(module, node.orelse.body, scopes)

    def _run_With(self, module: Module, node: cst.With, scopes: Any) -> None:
        for item in node.items:
            value = self.evaluate(module, item.item, scopes)
            if isinstance(value, (Function, Instance, Wrapped)):
                raise Undecidable("with")
            if item.asname is not None:
                raise Undecidable("with … as")
        self.run(module, node.body, scopes)

    def _run_Try(self, module: Module, node: cst.Try, scopes: Any) -> None:
        try:
            self.run(module, node.body, scopes)
        except Raised as error:
            for handler in node.handlers:
                kinds = {n.value for n in find(handler.type, cst.Name)} if handler.type is not None else None
                if kinds is None or error.name.rpartition(".")[2] in kinds or kinds & {"Exception", "BaseException"}:
                    self.run(module, handler.body, scopes)
                    break
            else:
                raise
        else:
            if node.orelse is not None:
                self.run(module, node.orelse.body, scopes)
        finally:
            if node.finalbody is not None:
                self.run(module, node.finalbody.body, scopes)

    def _run_FunctionDef(self, module: Module, node: cst.FunctionDef, scopes: Any) -> None:
        scopes[-1][node.name.value] = Function(module, node, scopes)

    def _run_Assign(self, module: Module, node: cst.Assign, scopes: Any) -> None:
        value = self.evaluate(module, node.value, scopes)
        for target in node.targets:
            self.assign(module, target.target, value, scopes)

    def _run_AnnAssign(self, module: Module, node: cst.AnnAssign, scopes: Any) -> None:
        if node.value is not None:
            self.assign(module, node.target, self.evaluate(module, node.value, scopes), scopes)

    def _run_AugAssign(self, module: Module, node: cst.AugAssign, scopes: Any) -> None:
        value = self.evaluate(module, node.target, scopes)
        other = self.evaluate(module, node.value, scopes)
        self.assign(module, node.target, self._binary(type(node.operator), value, other), scopes)

    def _run_Del(self, module: Module, node: cst.Del, scopes: Any) -> None:
        raise Undecidable("del")

    def assign(self, module: Module, target: cst.CSTNode, value: Any, scopes: Any) -> None:
        if isinstance(target, cst.Name):
            self._bind(module, target.value, value, scopes)
        elif isinstance(target, cst.Attribute):
            self._set_attribute(self.evaluate(module, target.value, scopes), target.attr.value, value)
        elif isinstance(target, cst.Subscript):
            owner = self.evaluate(module, target.value, scopes)
            if not isinstance(owner, (dict, list)):
                raise Undecidable("an item of something unknown")
            owner[self._key(module, target, scopes)] = value
        elif isinstance(target, (cst.Tuple, cst.List)):
            if not isinstance(value, (tuple, list)) or len(value) != len(target.elements):
                raise Undecidable("unpacking")
            for element, part in zip(target.elements, value, strict=True):
                self.assign(module, element.value, part, scopes)
        else:
            raise Undecidable("an assignment")

    def _bind(self, module: Module, name: str, value: Any, scopes: Any) -> None:
        if name in scopes[-1].get("nonlocal", ()):
            for scope in reversed(scopes[:-1]):
                if name in scope:
                    scope[name] = value
                    return
        function_globals = scopes[-1].get("global", ())
        if name in function_globals:
            self.globals[module.path, name] = value
        else:
            scopes[-1][name] = value

    def _set_attribute(self, owner: Any, name: str, value: Any) -> None:
        if isinstance(owner, (Instance, Function)):
            owner.attributes[name] = value
        elif isinstance(owner, (Unknown, External, Utterance)):
            self.effects.add(f"{owner}.{name} =")
        else:
            raise Undecidable("an attribute of something unknown")


_MISSING = object()


def _parameters(function: cst.FunctionDef) -> list[cst.Param]:
    p = function.params
    return [*p.posonly_params, *p.params, *p.kwonly_params]


def _is_static(node: cst.FunctionDef | cst.Lambda) -> bool:
    return isinstance(node, cst.FunctionDef) and any(dotted(d.decorator) == "staticmethod" for d in node.decorators)


def _fields(line: tuple[Class, ...]) -> list[str]:
    """The fields of a dataclass, in order."""
    return [n.target.value for c in line for n in find(c.node, cst.AnnAssign) if isinstance(n.target, cst.Name)]


def _assigned(scope: cst.CSTNode, name: str, in_class: bool) -> cst.BaseExpression | None:
    """The value first given to `self.name` in a method, or to `name` in a class body."""
    return _assignments(scope, in_class).get(name)


@lru_cache(maxsize=1024)
def _assignments(scope: cst.CSTNode, in_class: bool) -> dict[str, cst.BaseExpression]:
    """What `_assigned` finds, for every name: classes are asked for many attributes, many times."""

    def name_of(target: cst.CSTNode) -> str:
        if in_class:
            return target.value if isinstance(target, cst.Name) else ""
        return target.attr.value if isinstance(target, cst.Attribute) and dotted(target.value) == "self" else ""

    found: dict[str, cst.BaseExpression] = {}
    for node in own_scope(scope) if in_class else descendants(scope):
        if isinstance(node, cst.AnnAssign) and node.value is not None:
            found.setdefault(name_of(node.target), node.value)
        for target in (t.target for t in node.targets) if isinstance(node, cst.Assign) else ():
            assert isinstance(node, cst.Assign)
            found.setdefault(name_of(target), node.value)
            if isinstance(target, cst.Tuple) and isinstance(node.value, cst.Tuple):
                for element, value in zip(target.elements, node.value.elements, strict=False):
                    found.setdefault(name_of(element.value), value.value)
    return found


# -- what makes a gate ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Trial:
    """How a gate behaved. `limit`: calls let through per utterance, None when only the outside knows.

    `passes`: the truth of the answer that lets a call through; `passed_none`: that answer is None;
    `raised`: the exception's name when it refuses by raising; `today`: see `Today`; `capped`: how many calls
    went through in a whole call today.
    """

    limit: int | None
    passes: bool
    passed_none: bool = False
    raised: str = ""
    today: str = ""
    capped: int | None = None
    effects: tuple[str, ...] = ()

    @property
    def raises(self) -> bool:
        return bool(self.raised)


#: What a legacy gate does with the target's RunContext.
WORKS, CAPS, BREAKS = "works", "caps the call", "breaks"

Attempt = Callable[[Machine], Any]
"""Asks the gate once; gives its answer. Raises `Raised` or `Undecidable`."""

_MOST = 40


def try_out(
    machine: Callable[[bool, bool], Machine],
    attempt: Callable[[Machine], Attempt],
    reset: Callable[[Machine], None] | None,
) -> Trial | None:
    """Ask a would-be gate again and again. None when it does not behave like one.

    `machine(today, assume)` makes a fresh machine; `attempt(machine)` prepares how to ask; `reset` is what the
    program does by itself when the user speaks again.
    """
    for assume in (False, True):
        try:
            trial = _behaviour(machine(False, assume), attempt, reset)
        except (Undecidable, Raised, _Return, RecursionError):
            continue
        if trial is not None:
            return _with_today(trial, machine(True, assume), attempt, reset)
    return None


@dataclass(frozen=True)
class _Answer:
    truth: bool
    none: bool = False
    raised: str = ""


def _ask(machine: Machine, ask: Attempt) -> _Answer:
    machine.steps = 0
    try:
        value = ask(machine)
    except Raised as error:
        return _Answer(True, raised=error.name.rpartition(".")[2])
    if isinstance(value, tuple) and value:
        value = value[0]
    return _Answer(machine.truth(value), none=value is None)


def _behaviour(
    machine: Machine, attempt: Callable[[Machine], Attempt], reset: Callable[[Machine], None] | None
) -> Trial | None:
    ask = attempt(machine)
    first = _ask(machine, ask)
    if first.raised:
        return None
    passed = 1
    while (answer := _ask(machine, ask)) == first:
        passed += 1
        if passed > _MOST:
            return None
    if answer.truth == first.truth and not answer.raised:
        return None
    if any(_ask(machine, ask) != answer for _ in range(3)):
        return None
    machine.utterance += 1
    if not machine.asked:
        if reset is None:
            return None
        reset(machine)
    if any(_ask(machine, ask) != first for _ in range(passed)) or _ask(machine, ask) != answer:
        return None
    limit = None if machine.probed else passed
    return Trial(limit, first.truth, first.none, answer.raised, effects=tuple(sorted(machine.effects)))


def _with_today(
    trial: Trial, machine: Machine, attempt: Callable[[Machine], Attempt], reset: Callable[[Machine], None] | None
) -> Trial:
    """The same gate with what a RunContext has today: one call in each of many utterances."""
    try:
        ask = attempt(machine)
        for calls in range(3 * (trial.limit or PROBE) + 2):
            answer = _ask(machine, ask)
            if answer.raised and answer.raised != trial.raised:
                return replace(trial, today=BREAKS)
            if answer.truth != trial.passes or answer.raised:
                return replace(trial, today=CAPS, capped=None if trial.limit is None else calls)
            machine.utterance += 1
            if reset is not None:
                reset(machine)
    except (Undecidable, RecursionError):
        return trial
    return replace(trial, today=WORKS)
