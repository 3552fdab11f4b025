"""Dataclasses whose methods are compiled when they are first called, not when their module is imported.

`@dataclass(frozen=True)` compiles six functions from text. LibCST makes 200 such classes when it is imported, and we
make as many: a third of a `scan`'s start, and 3 MB, for methods of which few are ever called (docs/performance.md).

What such a class does is what the standard library's does: `dataclasses` still finds the fields and makes `__repr__`,
`__eq__` and `__hash__`, only later; `__init__` and the refusal to change a frozen object are written here.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

_at_once = dataclasses.dataclass
_PACKAGES = ("libcst", "lk_migrate")
#: Their classes refuse no change: a parse makes thousands of objects, and takes an eighth less where each can be filled
#: like any other. That nobody changes a node is seen by mypy, and by the tests, which run without this module.
_NODES = "libcst._nodes."
_set = object.__setattr__


@contextmanager
def methods_when_called() -> Iterator[None]:
    """Around imports: the dataclasses of LibCST and of this package that are made meanwhile take their time."""
    before = dataclasses.dataclass
    dataclasses.dataclass = _dataclass  # type: ignore[assignment]
    try:
        yield
    finally:
        dataclasses.dataclass = before


def _dataclass(cls: type | None = None, /, **options: Any) -> Any:
    """In the place of `dataclasses.dataclass`."""
    if cls is None:
        return lambda cls: _dataclass(cls, **options)
    if cls.__module__.partition(".")[0] in _PACKAGES and _can_wait(cls, options):
        return made_late(cls, **options)
    return _at_once(cls, **options)


def made_late(cls: type, *, eq: bool = True, frozen: bool = False, slots: bool = False) -> type:
    """The dataclass with its methods to come."""
    own = frozenset(vars(cls))
    with _thawed(cls.__mro__[1:]):
        made: type = _at_once(cls, init=False, repr=False, eq=False, slots=slots)
    for name in ("__init__", "__repr__", *(["__eq__"] if eq else []), *(["__hash__"] if eq and frozen else [])):
        if name not in own:
            setattr(made, name, _LATE[name])
    if eq and not frozen and "__hash__" not in own:
        made.__hash__ = None  # type: ignore[assignment]
    if frozen:
        made.__dataclass_params__.frozen = True  # type: ignore[attr-defined]
    if frozen and not cls.__module__.startswith(_NODES):
        made.__setattr__ = _refuse  # type: ignore[assignment]
        made.__delattr__ = _refuse_to_delete  # type: ignore[assignment]
        if slots:
            made.__getstate__ = _state  # type: ignore[attr-defined]
            made.__setstate__ = _restore  # type: ignore[attr-defined]
    return made


def _can_wait(cls: type, options: dict[str, Any]) -> bool:
    """Whether the class is of the plain kind."""
    return not options.keys() - {"frozen", "slots", "eq"} and ("__eq__" in vars(cls)) == ("__hash__" in vars(cls))


@contextmanager
def _thawed(bases: Iterable[type]) -> Iterator[None]:
    """For a moment these are not frozen: nothing that thaws them may be derived from those that are."""
    known = (vars(base).get("__dataclass_params__") for base in bases)
    frozen = [params for params in known if params is not None and params.frozen]
    for params in frozen:
        params.frozen = False
    try:
        yield
    finally:
        for params in frozen:
            params.frozen = True


def _late(name: str) -> Callable[..., Any]:
    """A method for all classes that makes the real one, puts that in its own place, and calls it."""

    def method(self: Any, *args: Any, **named: Any) -> Any:
        home = next(c for c in type(self).__mro__ if vars(c).get(name) is method)
        real = _init(home) if name == "__init__" else _from_library(home, name)
        type.__setattr__(home, name, real)
        return real(self, *args, **named)

    return method


def _init(cls: type) -> Any:
    """The `__init__` that `dataclasses` would have made."""
    known: dict[str, Any] = {"_set": _set, "_absent": object()}
    parameters, lines = ["self"], []
    is_open = cls.__setattr__ is object.__setattr__
    for number, field in enumerate(f for f in dataclasses.fields(cls)):
        name, value = field.name, field.name
        default = f"_default_{number}"
        if field.default_factory is not dataclasses.MISSING:
            known[default] = field.default_factory
            value = f"{default}() if {name} is _absent else {name}" if field.init else f"{default}()"
        elif field.default is not dataclasses.MISSING:
            known[default] = field.default
        if field.init:
            given = "_absent" if field.default_factory is not dataclasses.MISSING else default
            parameters.append(f"{name}={given}" if default in known else name)
        elif field.default_factory is dataclasses.MISSING:
            continue
        lines.append(f"self.{name} = {value}" if is_open else f"_set(self, {name!r}, {value})")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    body = "\n    ".join(lines or ["pass"])
    exec(f"def __init__({', '.join(parameters)}):\n    {body}", known)
    known["__init__"].__qualname__ = f"{cls.__qualname__}.__init__"
    return known["__init__"]


def _from_library(cls: type, name: str) -> Any:
    """The method of a class with the same fields."""
    like = dataclasses.make_dataclass(
        cls.__name__,
        [(f.name, f.type, f) for f in dataclasses.fields(cls)],
        init=False,
        repr=name == "__repr__",
        eq=name != "__repr__",
        unsafe_hash=name == "__hash__",
    )
    return vars(like)[name]


def _refuse(self: Any, name: str, value: Any) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: Any, name: str) -> None:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, f.name) for f in dataclasses.fields(self)]


def _restore(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        _set(self, field.name, value)


_LATE = {name: _late(name) for name in ("__init__", "__repr__", "__eq__", "__hash__")}
