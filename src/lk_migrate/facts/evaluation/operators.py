"""Operators, comparisons and truth, of values that may be stand-ins."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.evaluation.values import (
    PROBE,
    External,
    Function,
    Instance,
    Raised,
    Undecidable,
    Unknown,
    Utterance,
    Wrapped,
)
from lk_migrate.facts.lineage import Class

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Machine

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


def binary(machine: Machine, kind: type[cst.CSTNode], left: Any, right: Any) -> Any:
    """`left` and `right` joined by an operator of the given kind."""
    if kind is cst.Modulo and isinstance(left, str):
        return "text"
    if isinstance(left, (Unknown, Utterance, External)) or isinstance(right, (Unknown, Utterance, External)):
        left, right = _probe(machine, left, right), _probe(machine, right, left)
        if not (isinstance(left, int) and isinstance(right, int)):
            return Unknown("a computation")
    apply = _BINARY.get(kind)
    try:
        return apply(left, right) if apply is not None else Unknown("a computation")
    except (TypeError, ValueError, ArithmeticError):
        raise Undecidable("an operator") from None


def _probe(machine: Machine, value: Any, other: Any) -> Any:
    """A number in the place of what only the outside knows, where a number is asked for."""
    if isinstance(value, Unknown) and value.given and isinstance(other, int):
        machine.probed = True
        return PROBE
    return value


def compare(machine: Machine, sign: cst.BaseCompOp, left: Any, right: Any) -> bool:
    """Whether the comparison holds."""
    if isinstance(sign, (cst.In, cst.NotIn)):
        if not isinstance(right, (dict, set, list, tuple)):
            raise Undecidable("in")
        return (left in right) is isinstance(sign, cst.In)
    if left is None or right is None:
        if isinstance(sign, (cst.Is, cst.IsNot, cst.Equal, cst.NotEqual)):
            return (left is right) is isinstance(sign, (cst.Is, cst.Equal))
        raise Raised(Unknown("TypeError"), "TypeError")
    left, right = _probe(machine, left, right), _probe(machine, right, left)
    if isinstance(left, (Unknown, External)) or isinstance(right, (Unknown, External)):
        raise Undecidable(f"{left} compared with {right}")
    apply = _COMPARE[type(sign)]
    try:
        return bool(apply(left, right))
    except TypeError:
        raise Undecidable("a comparison") from None


def truth(machine: Machine, value: Any) -> bool:
    """Whether `value` is true; what comes from outside is what the machine assumes."""
    if isinstance(value, Unknown):
        if value.given:
            return machine.assume
        raise Undecidable(f"depends on {value.origin}")
    if isinstance(value, External):
        raise Undecidable(f"depends on {value.name}")
    return True if isinstance(value, (Instance, Function, Class, Utterance, Wrapped)) else bool(value)
