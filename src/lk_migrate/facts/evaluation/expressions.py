"""What each kind of expression is worth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import libcst as cst

from lk_migrate.facts.evaluation.calls import arguments, builtin_method
from lk_migrate.facts.evaluation.operators import binary, compare, truth
from lk_migrate.facts.evaluation.statements import assign, key_of
from lk_migrate.facts.evaluation.values import External, Function, Raised, Undecidable, Unknown, Utterance
from lk_migrate.facts.literals import string_value

if TYPE_CHECKING:
    from lk_migrate.facts.evaluation.machine import Frame


def _name(at: Frame, node: cst.Name) -> Any:
    return at.machine.lookup(at.module, node.value, at.scopes)


def _integer(at: Frame, node: cst.Integer) -> Any:
    return node.evaluated_value


def _float(at: Frame, node: cst.Float) -> Any:
    return node.evaluated_value


def _simple_string(at: Frame, node: cst.SimpleString) -> Any:
    return string_value(node)


def _concatenated_string(at: Frame, node: cst.ConcatenatedString) -> Any:
    return node.evaluated_value if isinstance(node.evaluated_value, str) else "text"


def _formatted_string(at: Frame, node: cst.FormattedString) -> Any:
    """Only as good as telling one key from another: f"{speech_id}:{tool}"."""
    effects = set(at.machine.effects)
    try:
        values = [at.evaluate(p.expression) for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    except (Undecidable, Raised):
        return "text"
    finally:
        at.machine.effects = effects  # what a message asks for is no use of the gate
    return " ".join(["text", *(str(v) for v in values if isinstance(v, (str, int, Utterance, Unknown)))])


def _attribute(at: Frame, node: cst.Attribute) -> Any:
    return _attribute_of(at, at.evaluate(node.value), node)


def _attribute_of(at: Frame, value: Any, node: cst.Attribute) -> Any:
    """`node`, where `node.value` is worth `value`."""
    if isinstance(value, (External, Unknown)):
        symbol = at.machine.project.resolve(at.module, node)
        if symbol is not None and symbol.module is not None and symbol.node is not None:
            return at.machine.module_level(symbol.module, symbol.name)  # of a module of the project: `limits.ask`
    try:
        return at.machine.attribute(value, node.attr.value)
    except LookupError:
        raise Raised(Unknown("AttributeError"), "AttributeError") from None


def _await(at: Frame, node: cst.Await) -> Any:
    return at.evaluate(node.expression)


def _tuple(at: Frame, node: cst.Tuple) -> Any:
    return tuple(at.evaluate(e.value) for e in node.elements)


def _list(at: Frame, node: cst.List) -> Any:
    return [at.evaluate(e.value) for e in node.elements]


def _set(at: Frame, node: cst.Set) -> Any:
    return {at.evaluate(e.value) for e in node.elements}


def _dict(at: Frame, node: cst.Dict) -> Any:
    found = {}
    for element in node.elements:
        if not isinstance(element, cst.DictElement):
            raise Undecidable("a dict with **")
        found[at.evaluate(element.key)] = at.evaluate(element.value)
    return found


def _named_expr(at: Frame, node: cst.NamedExpr) -> Any:
    value = at.evaluate(node.value)
    assign(at, node.target, value)
    return value


def _if_exp(at: Frame, node: cst.IfExp) -> Any:
    taken = node.body if truth(at.machine, at.evaluate(node.test)) else node.orelse
    return at.evaluate(taken)


def _lambda(at: Frame, node: cst.Lambda) -> Any:
    return Function(at.module, node, at.scopes)


def _yield(at: Frame, node: cst.Yield) -> Any:
    at.machine.yields.append(None if node.value is None else at.evaluate(node.value))


def _boolean_operation(at: Frame, node: cst.BooleanOperation) -> Any:
    left = at.evaluate(node.left)
    if truth(at.machine, left) is isinstance(node.operator, cst.Or):
        return left
    return at.evaluate(node.right)


def _unary_operation(at: Frame, node: cst.UnaryOperation) -> Any:
    value = at.evaluate(node.expression)
    if isinstance(node.operator, cst.Not):
        return not truth(at.machine, value)
    if isinstance(node.operator, cst.Minus) and isinstance(value, (int, float)):
        return -value
    raise Undecidable("an operator")


def _binary_operation(at: Frame, node: cst.BinaryOperation) -> Any:
    return binary(at.machine, type(node.operator), at.evaluate(node.left), at.evaluate(node.right))


def _comparison(at: Frame, node: cst.Comparison) -> Any:
    left = at.evaluate(node.left)
    for target in node.comparisons:
        right = at.evaluate(target.comparator)
        if not compare(at.machine, target.operator, left, right):
            return False
        left = right
    return True


def _generator(at: Frame, node: cst.GeneratorExp) -> Any:
    return Unknown("a generator", given=True)


def _subscript(at: Frame, node: cst.Subscript) -> Any:
    value = at.evaluate(node.value)
    key = key_of(at, node)
    if isinstance(value, (Unknown, External)):
        return Unknown("an item", given=isinstance(value, External) or value.given)
    try:
        return value[key]
    except (KeyError, IndexError, TypeError):
        raise Raised(Unknown("KeyError"), "KeyError") from None


def _call(at: Frame, node: cst.Call) -> Any:
    if isinstance(node.func, cst.Attribute):
        owner = at.evaluate(node.func.value)
        if type(owner) in (dict, list, set, str, Counter, defaultdict):
            return builtin_method(at, owner, node)
        function = _attribute_of(at, owner, node.func)
    else:
        function = at.evaluate(node.func)
    args, keywords = arguments(at, node)
    return at.machine.call(function, args, keywords)


HANDLERS: dict[type[cst.CSTNode], Callable[[Frame, Any], Any]] = {
    cst.Name: _name,
    cst.Integer: _integer,
    cst.Float: _float,
    cst.SimpleString: _simple_string,
    cst.ConcatenatedString: _concatenated_string,
    cst.FormattedString: _formatted_string,
    cst.Attribute: _attribute,
    cst.Await: _await,
    cst.Tuple: _tuple,
    cst.List: _list,
    cst.Set: _set,
    cst.Dict: _dict,
    cst.NamedExpr: _named_expr,
    cst.IfExp: _if_exp,
    cst.Lambda: _lambda,
    cst.Yield: _yield,
    cst.BooleanOperation: _boolean_operation,
    cst.UnaryOperation: _unary_operation,
    cst.BinaryOperation: _binary_operation,
    cst.Comparison: _comparison,
    cst.GeneratorExp: _generator,
    cst.Subscript: _subscript,
    cst.Call: _call,
}
"""By the exact type of the node."""
