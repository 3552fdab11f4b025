"""Calls: of the project's functions and classes, of builtins, and of what is only known by its name."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.evaluation.initial import fields_of, parameters_of
from lk_migrate.facts.evaluation.statements import run, set_attribute
from lk_migrate.facts.evaluation.values import (
    UTTERANCE,
    External,
    Function,
    Instance,
    Raised,
    Returned,
    Undecidable,
    Unknown,
    Utterance,
    Wrapped,
)
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.lineage import Class, lineages, method

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Frame, Machine

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


#: What a gate may call without doing anything that would be missed.
_HARMLESS = re.compile(
    r"^(logging|structlog|loguru|time|asyncio|threading|datetime|functools|warnings|inspect|print$|weakref|uuid)\b"
    r"|^\*\*kwargs\.get$"
    r"|\.(debug|info|warning|warn|error|exception|log|critical)$"
)


def arguments(at: Frame, node: cst.Call) -> tuple[list[Any], dict[str, Any]]:
    """The values that a call hands over, by position and by keyword."""
    args: list[Any] = []
    keywords: dict[str, Any] = {}
    for arg in node.args:
        if arg.star == "**":
            continue
        value = at.evaluate(arg.value)
        if node is at.machine.asked_at and isinstance(value, str):
            # A gate counts calls, whatever they are about: so each call is about something else.
            value = f"{value} {at.machine.asks}"
        if arg.star:
            args.extend(value if isinstance(value, (tuple, list)) else ())
        elif arg.keyword is not None:
            keywords[arg.keyword.value] = value
        else:
            args.append(value)
    return args, keywords


def builtin_method(at: Frame, owner: Any, node: cst.Call) -> Any:
    """What a method of a dict, list, set or str answers."""
    assert isinstance(node.func, cst.Attribute)
    name = node.func.attr.value
    allowed = next((names for kind, names in _METHODS.items() if isinstance(owner, kind)), set())
    args, keywords = arguments(at, node)
    if name not in allowed:
        raise Undecidable(name)
    if isinstance(owner, str):
        return "text"
    try:
        return getattr(owner, name)(*args, **keywords)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise Raised(Unknown(type(error).__name__), type(error).__name__) from None


def call(machine: Machine, function: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
    """Call a value with values."""
    if isinstance(function, Wrapped):
        function.calls += 1
        return Unknown("the tool's answer")
    if isinstance(function, Function):
        return _call_function(machine, function, args, keywords)
    if isinstance(function, Class):
        return _instantiate(machine, function, args, keywords)
    if isinstance(function, Instance):
        return call(machine, machine.attribute(function, "__call__"), args, keywords)
    if isinstance(function, External):
        return _call_external(machine, function.name, args, keywords)
    if isinstance(function, Unknown):
        if not _HARMLESS.search(function.origin):
            machine.effects.add(function.origin)
        return Unknown(f"{function.origin}()", given=function.origin == "**kwargs.get")
    raise Undecidable("a call")


def _call_external(machine: Machine, name: str, args: list[Any], keywords: dict[str, Any]) -> Any:
    if name in ("getattr", "hasattr", "setattr"):
        return _reflect(machine, name, args)
    if name in ("functools.wraps", "functools.update_wrapper"):
        return External("an identity")
    if name == "an identity":
        return args[0]
    if name in ("collections.defaultdict",):
        factory = {External("int"): int, External("list"): list, External("set"): set, External("dict"): dict}
        made = args[0] if args else None
        if isinstance(made, Function):
            return defaultdict(lambda: call(machine, made, [], {}))
        return defaultdict(factory.get(made)) if isinstance(made, External) else defaultdict(None)
    if name == "dataclasses.field":
        made = keywords.get("default_factory")
        return keywords.get("default") if made is None else call(machine, made, [], {})
    if name == "types.SimpleNamespace":
        return Instance((), {}, dict(keywords))
    if name in ("json.dumps", "orjson.dumps", "ujson.dumps"):
        return "text"
    if name in ("os.getenv", "os.environ.get"):
        return Unknown("the environment", given=True)
    if name == "next" and args and isinstance(args[0], Unknown):
        return Unknown("an item", given=True)
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
        machine.effects.add(name)
    return Unknown(f"{name}()")


def _reflect(machine: Machine, name: str, args: list[Any]) -> Any:
    if len(args) < 2 or not isinstance(args[1], str):
        raise Undecidable(name)
    if name == "setattr":
        set_attribute(machine, args[0], args[1], args[2])
        return None
    try:
        value = machine.attribute(args[0], args[1])
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


def _instantiate(machine: Machine, cls: Class, args: list[Any], keywords: dict[str, Any]) -> Instance:
    line = machine.project.fact(lineages).of(cls.node) or (cls,)
    found = method(line, "__init__")
    if found is None:
        return Instance(line, {**dict(zip(fields_of(line), args, strict=False)), **keywords})
    params = parameters_of(found[1])[1:]
    left = {p.name.value: machine.evaluate(found[0].module, p.default, ()) for p in params if p.default is not None}
    return Instance(line, {**left, **dict(zip((p.name.value for p in params), args, strict=False)), **keywords})


def _call_function(machine: Machine, function: Function, args: list[Any], keywords: dict[str, Any]) -> Any:
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
            scope[name] = machine.evaluate(function.module, param.default, function.scopes)
        else:
            scope[name] = Utterance(machine.utterance) if UTTERANCE.search(name) else Unknown(name)
    if isinstance(node.params.star_arg, cst.Param):
        scope[node.params.star_arg.name.value] = tuple(values[len(positional) :])
    if node.params.star_kwarg is not None:
        scope[node.params.star_kwarg.name.value] = Unknown("**kwargs", given=True)
    scopes = (*function.scopes, scope)
    if isinstance(node, cst.Lambda):
        return machine.evaluate(function.module, node.body, scopes)
    try:
        run(machine.frame(function.module, scopes), node.body)
    except Returned as result:
        return result.value
    return None


def _is_static(node: cst.FunctionDef | cst.Lambda) -> bool:
    return isinstance(node, cst.FunctionDef) and any(dotted(d.decorator) == "staticmethod" for d in node.decorators)
