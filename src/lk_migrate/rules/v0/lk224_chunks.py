"""What is read of the chunks of an LLM's answer: one `delta` instead of choices (part of LK224)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v0.lk224_llm_chat import rule as chat

#: How `len(chunk.choices)` is compared with a number where it asks whether there are any.
_ANY = frozenset({(cst.GreaterThan, "0"), (cst.NotEqual, "0"), (cst.GreaterThanEqual, "1")})
_NONE = frozenset({(cst.Equal, "0"), (cst.LessThan, "1")})
#: What a delta has, and a choice never had: `chunk.choices[0].content` can mean nothing else.
_OF_DELTA = ("content", "tool_calls")


@chat.on(cst.Attribute)
def chunk(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`chunk.choices[0].delta` → `chunk.delta`; `chunk.request_id` → `chunk.id`."""
    known = file.project.fact(holdings)
    value = node.value
    if node.attr.value in ("choices", "delta") and _is_another_format(node, file):
        return
    if node.attr.value == "request_id" and known.has(file.module, value, Kind.CHUNK):
        yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("id")), "it is `id` now")
    elif node.attr.value == "delta" and _is_first_choice(value, file):
        parent = file.parent(node)
        if isinstance(parent, cst.Attribute):
            return
        yield Rewrite(node, lambda updated: updated.with_changes(value=_chunk(updated.value)), "a chunk has one delta")
    elif (choice := _choice_of(node, file)) is not None:
        if _is_asked_before(node, choice, file):
            apply = _of_asked_delta
        elif _is_asked(node, file):
            is_negated = isinstance(file.parent(node), cst.UnaryOperation)
            apply = _asked_and_said_in_brackets if is_negated else _asked_and_said
        else:
            apply = _of_delta
        yield Rewrite(node, apply, "a chunk has one delta, which may be None")
    elif node.attr.value == "choices" and known.has(file.module, value, Kind.CHUNK):
        if _counted(node, file) is not None:
            return
        if _is_asked(node, file):
            yield Rewrite(node, lambda updated: updated.with_changes(attr=cst.Name("delta")), "a chunk has one delta")
        elif not _has_its_delta(file.parent(node), file):
            yield Todo(node, "a chunk has no `choices`: it has one `delta`, which may be None.")


@chat.on(cst.Comparison)
def count(node: cst.Comparison, file: File) -> Iterator[Change]:
    """`len(chunk.choices) > 0` → `chunk.delta is not None`."""
    asked = _asks_for_any(node)
    if asked is None or _is_another_format(node, file):
        return
    choices, there_are = asked
    if not file.project.fact(holdings).has(file.module, choices.value, Kind.CHUNK):
        return
    if there_are and _is_said_before(node, choices, file):
        return
    test = "is not None" if there_are else "is None"
    new = f"{file.code(choices.value)}.delta {test}"
    yield Rewrite(
        node,
        lambda updated: cst.ensure_type(cst.parse_expression(new), cst.Comparison).with_changes(
            lpar=updated.lpar, rpar=updated.rpar
        ),
        "a chunk has one delta",
    )


@chat.on(cst.BooleanOperation)
def said_twice(node: cst.BooleanOperation, file: File) -> Iterator[Change]:
    """`chunk.choices and len(chunk.choices) > 0`: the second half goes."""
    asked = _asks_for_any(node.right)
    if asked is None or not asked[1] or _is_another_format(node, file):
        return
    if file.project.fact(holdings).has(file.module, asked[0].value, Kind.CHUNK) and _is_said_before(
        node.right, asked[0], file
    ):
        yield Rewrite(node, _left, "a chunk has one delta")


def _left(updated: cst.BooleanOperation) -> cst.BaseExpression:
    left = updated.left
    return left.with_changes(lpar=[*updated.lpar, *left.lpar], rpar=[*left.rpar, *updated.rpar])


def _is_said_before(node: cst.BaseExpression, choices: cst.Attribute, file: File) -> bool:
    outer = file.parent(node)
    return (
        isinstance(outer, cst.BooleanOperation)
        and isinstance(outer.operator, cst.And)
        and outer.right is node
        and any(file.code(part) == file.code(choices) for part in _all_of(outer.left))
    )


def _asks_for_any(node: cst.CSTNode | None) -> tuple[cst.Attribute, bool] | None:
    """The `choices` in `len(chunk.choices) > 0`, and whether it is true when there are any."""
    if not isinstance(node, cst.Comparison) or len(node.comparisons) != 1:
        return None
    length, target = node.left, node.comparisons[0]
    if not isinstance(length, cst.Call) or dotted(length.func) != "len" or len(length.args) != 1:
        return None
    choices = length.args[0].value
    if not isinstance(choices, cst.Attribute) or choices.attr.value != "choices":
        return None
    how = (type(target.operator), getattr(target.comparator, "value", ""))
    return (choices, how in _ANY) if how in _ANY | _NONE else None


def _counted(choices: cst.Attribute, file: File) -> cst.Comparison | None:
    """The comparison that `choices` is counted in, which is rewritten as a whole."""
    arg = file.parent(choices)
    call = file.parent(arg) if isinstance(arg, cst.Arg) else None
    outer = file.parent(call) if call is not None else None
    asked = _asks_for_any(outer)
    return outer if isinstance(outer, cst.Comparison) and asked is not None and asked[0] is choices else None


def _is_another_format(node: cst.CSTNode, file: File) -> bool:
    """Below `hasattr(chunk, "choices")`: of another library, where the chunk's own `delta` is looked for, too."""
    for outer in file.module.index.ancestors(node):
        tests = [outer.test] if isinstance(outer, (cst.If, cst.IfExp)) else []
        tests += [outer.left] if isinstance(outer, cst.BooleanOperation) else []
        asked = [part for test in tests for part in _all_of(test) if _is_hasattr(part, "choices")]
        if asked:
            return any(_looks_for_both(part, file) for part in asked)
    return False


def _looks_for_both(asked: cst.CSTNode, file: File) -> bool:
    """Whether the object of `hasattr(chunk, "choices")` is asked for a `delta`, too (a choice has one in any case)."""
    function = file.enclosing(asked, cst.FunctionDef)
    if function is None or not isinstance(asked, cst.Call):
        return False
    chunk = file.code(asked.args[0].value)
    return any(_is_hasattr(c, "delta") and file.code(c.args[0].value) == chunk for c in find(function, cst.Call))


@chat.on(cst.Call)
def guard(call: cst.Call, file: File) -> Iterator[Change]:
    """`hasattr(chunk, "choices")`, which is never true again."""
    if not _is_hasattr(call, "choices") or _looks_for_both(call, file):
        return
    if file.project.fact(holdings).has(file.module, call.args[0].value, Kind.CHUNK):
        delta = cst.SimpleString('"delta"')
        yield Rewrite(call.args[1], lambda updated: updated.with_changes(value=delta), "it is `delta` now")


def _is_hasattr(node: cst.CSTNode, name: str) -> bool:
    return (
        isinstance(node, cst.Call)
        and dotted(node.func) in ("hasattr", "getattr")
        and len(node.args) >= 2
        and text_of(node.args[1].value) == name
    )


def _is_asked(node: cst.CSTNode, file: File) -> bool:
    """`if not chunk.choices:`, `while chunk.choices and …`."""
    parent = file.parent(node)
    if isinstance(parent, (cst.BooleanOperation, cst.UnaryOperation)):
        return _is_asked(parent, file)
    return isinstance(parent, (cst.If, cst.IfExp, cst.While, cst.Assert)) and parent.test is node


def _is_asked_before(node: cst.CSTNode, choice: cst.CSTNode, file: File) -> bool:
    """`if chunk.choices and chunk.choices[0].delta.content:`: that there is a delta has been asked."""
    asked = file.code(choice).rpartition("[")[0]
    inner = node
    for outer in file.module.index.ancestors(node):
        if isinstance(outer, cst.BooleanOperation) and isinstance(outer.operator, cst.And) and outer.right is inner:
            tests = [outer.left]
        elif isinstance(outer, (cst.If, cst.IfExp, cst.While)) and outer.body is inner:
            tests = [outer.test]
        elif isinstance(outer, (cst.FunctionDef, cst.Lambda)):
            return False
        else:
            tests = []
        if any(
            file.code(part) == asked or file.code(part).startswith(f"{asked}[0].")
            for test in tests
            for part in _all_of(test)
        ):
            return True
        inner = outer
    return False


def _all_of(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    """What is true when `a and b and …` is."""
    if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
        yield from (*_all_of(test.left), *_all_of(test.right))
    else:
        yield test


def _has_its_delta(node: cst.CSTNode | None, file: File) -> bool:
    """`chunk.choices[0].delta`, which the edit of the whole takes care of."""
    outer = file.parent(node) if node is not None and _is_first_choice(node, file) else None
    return isinstance(outer, cst.Attribute) and outer.attr.value in ("delta", *_OF_DELTA)


def _choice_of(node: cst.Attribute, file: File) -> cst.BaseExpression | None:
    """`chunk.choices[0]` of `chunk.choices[0].delta.content`, or of one that leaves the `delta` out."""
    value = node.value
    if isinstance(value, cst.Attribute) and value.attr.value == "delta":
        return value.value if _is_first_choice(value.value, file) else None
    return value if node.attr.value in _OF_DELTA and _is_first_choice(value, file) else None


def _is_first_choice(node: cst.CSTNode, file: File) -> bool:
    return (
        isinstance(node, cst.Subscript)
        and isinstance(node.value, cst.Attribute)
        and node.value.attr.value == "choices"
        and file.project.fact(holdings).has(file.module, node.value.value, Kind.CHUNK)
    )


def _chunk(first_choice: cst.BaseExpression) -> cst.BaseExpression:
    assert isinstance(first_choice, cst.Subscript) and isinstance(first_choice.value, cst.Attribute)
    return first_choice.value.value


def _delta(updated: cst.Attribute) -> str:
    """`chunk.delta`: what the attribute is of."""
    value = updated.value
    is_delta = isinstance(value, cst.Attribute) and value.attr.value == "delta"
    choice = value.value if isinstance(value, cst.Attribute) and is_delta else value
    return cst.Module([]).code_for_node(_chunk(choice)) + ".delta"


def _of_asked_delta(updated: cst.Attribute) -> cst.BaseExpression:
    return updated.with_changes(value=cst.parse_expression(_delta(updated)))


def _asked_and_said(updated: cst.Attribute) -> cst.BaseExpression:
    """In a test, where nothing but its truth counts."""
    delta = _delta(updated)
    asked = cst.ensure_type(cst.parse_expression(f"{delta} and {delta}.{updated.attr.value}"), cst.BooleanOperation)
    return asked.with_changes(lpar=updated.lpar, rpar=updated.rpar)


def _asked_and_said_in_brackets(updated: cst.Attribute) -> cst.BaseExpression:
    asked = cst.ensure_type(_asked_and_said(updated), cst.BooleanOperation)
    return asked if asked.lpar else asked.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])


def _of_delta(updated: cst.Attribute) -> cst.BaseExpression:
    delta = _delta(updated)
    return cst.parse_expression(f"({delta}.{updated.attr.value} if {delta} else None)")
