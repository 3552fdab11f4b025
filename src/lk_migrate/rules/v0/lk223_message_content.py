"""`msg.content` was a text; now it is a list of contents, and `msg.text_content` is the text.

Only where a `ChatMessage` is known to stand there, and 0.x gave it: in a file that still speaks 0.x, in a handler of
one of its events or in what such a handler hands it to, out of its `chat_ctx.messages`; in 1.x code `content` is right.
A message is a pydantic model, which is copied with `model_copy()`, and knows nothing of tools: their calls and results
are items of the context.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.families import arguments
from lk_migrate.facts.handlers import EVENTS, handlers
from lk_migrate.facts.holdings import holdings, where_0x_may_be
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.v0_names import TRIGGERS, Kind
from lk_migrate.facts.v0_scope import v0_modules
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import quote
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK223",
    Edition.V0,
    __doc__,
    triggers=(*TRIGGERS, b".content"),
    since="1.0.0",
    safety=Safety.REVIEW,
    paths=where_0x_may_be,
)


def _is_content(node: cst.CSTNode, file: File) -> bool:
    return (
        isinstance(node, cst.Attribute)
        and node.attr.value == "content"
        and file.project.fact(holdings).has(file.module, node.value, Kind.CHAT_MESSAGE)
    )


def _speaks_v0(file: File) -> bool:
    return file.module.tree in file.project.fact(v0_modules)


def _is_of_old(message: cst.BaseExpression, file: File, seen: frozenset[cst.CSTNode] = frozenset()) -> bool:
    """Whether 0.x gave this message, in a file of its own or in one that is of 1.x else."""
    if _speaks_v0(file) or _is_in_old_handler(message, file) or _is_from_old_list(message, file):
        return True
    return isinstance(message, cst.Name) and _is_handed_on(message, file, seen)


def _is_handed_on(message: cst.Name, file: File, seen: frozenset[cst.CSTNode]) -> bool:
    """Whether it is a parameter of a function that is given nothing but such messages in this file."""
    function = file.enclosing(message, cst.FunctionDef)
    if function is None or function in seen:
        return False
    known = file.project.fact(holdings)
    given = [
        arg.value
        for call in file.module.calls.get(function.name.value, ())
        for callee in known.callees(file.module, call)
        if callee.node is function
        for param, arg in arguments(callee, call)
        if param.name.value == message.value
    ]
    return bool(given) and all(
        known.has(file.module, value, Kind.CHAT_MESSAGE) and _is_of_old(value, file, seen | {function})
        for value in given
    )


def _is_from_old_list(message: cst.BaseExpression, file: File, seen: frozenset[str] = frozenset()) -> bool:
    """`for message in reversed(chat_ctx.messages)`, `last = chat_ctx.messages[-1]`: an attribute until 1.0 (LK222)."""
    if not isinstance(message, cst.Name):
        return _takes_from_old_list(message, file, seen)
    name = message.value
    scope = file.enclosing(message, cst.FunctionDef) or file.module.tree
    loops = [n.iter for n in find(scope, cst.For) if dotted(n.target) == name]
    loops += [n.iter for n in find(scope, cst.CompFor) if dotted(n.target) == name]
    assigned = [n.value for n in find(scope, cst.Assign) if any(dotted(t.target) == name for t in n.targets)]
    sources = [s for s in (*loops, *assigned) if not any(n.value == name for n in _variables(s, file))]
    return bool(sources) and all(_takes_from_old_list(s, file, seen | {name}) for s in sources)


def _takes_from_old_list(source: cst.BaseExpression, file: File, seen: frozenset[str]) -> bool:
    known = file.project.fact(holdings)
    if any(
        a.attr.value == "messages" and not _is_called(a, file) and known.has(file.module, a.value, Kind.CHAT_CONTEXT)
        for a in find(source, cst.Attribute)
    ):
        return True
    lists = [n for n in _variables(source, file) if n.value not in seen and known.has(file.module, n, Kind.MESSAGES)]
    return any(_is_from_old_list(n, file, seen) for n in lists)


def _variables(source: cst.BaseExpression, file: File) -> Iterator[cst.Name]:
    for name in find(source, cst.Name):
        parent = file.parent(name)
        if not isinstance(parent, cst.Attribute) or parent.value is name:
            yield name


def _is_called(node: cst.Attribute, file: File) -> bool:
    parent = file.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node


def _is_in_old_handler(node: cst.CSTNode, file: File) -> bool:
    """Whether a handler of a 0.x event reads its message here, which LK240 gives it, in a file that is of 1.x else."""
    handler = file.enclosing(node, cst.FunctionDef)
    return any(r.event in EVENTS for r in file.project.fact(handlers).of.get(handler, ())) if handler else False


@rule.on(cst.Attribute)
def content(node: cst.Attribute, file: File) -> Iterator[Change]:
    """Reading and writing the text."""
    if not _is_content(node, file) or not _is_of_old(node.value, file):
        return
    parent = file.parent(node)
    if isinstance(parent, cst.AssignTarget):
        statement = file.parent(parent)
        if isinstance(statement, cst.Assign) and not isinstance(statement.value, (cst.List, cst.ListComp)):
            yield Rewrite(
                statement,
                lambda updated: updated.with_changes(value=cst.List([cst.Element(updated.value)])),
                "the content is a list",
            )
        return
    if _normalises(file.enclosing(node, cst.If), file):
        return
    around = file.enclosing(node, cst.IfExp)
    if around is not None and _is_text_or_not(around, file):
        return
    question = _type_question(parent, file)
    if question is not None:
        yield from _is_text(node, question, file)
        return
    if isinstance(parent, (cst.For, cst.CompFor)):
        return
    if isinstance(parent, cst.Attribute) and parent.attr.value in ("append", "extend", "insert"):
        return
    if isinstance(parent, cst.AugAssign) and isinstance(parent.operator, cst.AddAssign):
        yield Rewrite(parent, _appended, "the content is a list")
        return
    if isinstance(parent, (cst.Subscript, cst.AugAssign, cst.Del)) and not _is_beginning(node, parent, file):
        yield Todo(node, "`content` is a list of contents now; its text is `text_content`.")
        return
    yield Rewrite(
        node, lambda updated: updated.with_changes(attr=cst.Name("text_content")), "the text is `text_content` now"
    )


def _is_beginning(node: cst.Attribute, parent: cst.CSTNode, file: File) -> bool:
    """`msg.content[:50] if msg.content else ""`: a part of a text that is there. A list is asked for one element."""
    if not isinstance(parent, cst.Subscript) or not isinstance(parent.slice[0].slice, cst.Slice):
        return False
    inner: cst.CSTNode = node
    for around in file.module.index.ancestors(node):
        asked: cst.BaseExpression | None = None
        if isinstance(around, (cst.If, cst.IfExp)) and inner is around.body:
            asked = around.test
        elif isinstance(around, cst.BooleanOperation) and isinstance(around.operator, cst.And):
            asked = around.left
        if asked is not None and asked.deep_equals(node):
            return True
        inner = around
    return False


def _appended(updated: cst.AugAssign) -> cst.Expr:
    """`msg.content += text`: one content more."""
    return cst.Expr(
        cst.Call(cst.Attribute(updated.target, cst.Name("append")), [cst.Arg(updated.value)]),
        semicolon=updated.semicolon,
    )


@rule.on(cst.Call)
def asked(call: cst.Call, file: File) -> Iterator[Change]:
    """`getattr(msg, "content", "")`, and `msg.copy()`."""
    known = file.project.fact(holdings)
    name = dotted(call.func) or ""
    if name == "getattr" and len(call.args) > 1 and isinstance(call.args[1].value, cst.SimpleString):
        asks, text = call.args[0].value, call.args[1].value
        if text.evaluated_value != "content" or not known.has(file.module, asks, Kind.CHAT_MESSAGE):
            return
        if _is_of_old(asks, file):
            new = text.value.replace("content", "text_content")
            yield Replace(text, lambda updated: updated.with_changes(value=new), "the text is `text_content` now")
    elif isinstance(call.func, cst.Attribute) and call.func.attr.value == "copy" and not call.args:
        if not (known.has(file.module, call.func.value, Kind.CHAT_MESSAGE) and _is_of_old(call.func.value, file)):
            return
        deep = cst.ensure_type(cst.parse_expression("f(deep=True)"), cst.Call).args
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(
                func=updated.func.with_changes(attr=cst.Name("model_copy")), args=deep
            ),
            "a message is a pydantic model",
        )


_OF_TOOLS = ("name", "tool_calls", "tool_call_id", "tool_exception")


@rule.on(cst.Attribute)
def of_tools(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`msg.tool_calls` and the like, one marker for all of them in a function."""
    if node.attr.value not in _OF_TOOLS or not _is_of_message(node, file):
        return
    scope = file.enclosing(node, cst.FunctionDef) or file.module.tree
    here = [n for n in file.module.index.find(scope, cst.Attribute) if n.attr.value in _OF_TOOLS]
    here = [n for n in here if _is_of_message(n, file)]
    if here[0] is node:
        said = ", ".join(f"`{n}`" for n in dict.fromkeys(n.attr.value for n in here))
        yield Todo(
            node,
            f"a `ChatMessage` has no {said}: what tools were asked, and said, are items of the context of their own, "
            '`item.type == "function_call"` (`name`, `arguments`, `call_id`) and `"function_call_output"` (`output`).',
        )


def _is_of_message(node: cst.Attribute, file: File) -> bool:
    return file.project.fact(holdings).has(file.module, node.value, Kind.CHAT_MESSAGE) and _is_of_old(node.value, file)


def _type_question(parent: cst.CSTNode | None, file: File) -> cst.Call | None:
    """`isinstance(msg.content, …)`, `type(msg.content)`."""
    call = file.parent(parent) if isinstance(parent, cst.Arg) else None
    return call if isinstance(call, cst.Call) and dotted(call.func) in ("isinstance", "type") else None


def _is_text(node: cst.Attribute, question: cst.Call, file: File) -> Iterator[Change]:
    """`isinstance(msg.content, str)` is never true of a list: what it asked is whether there is a text.

    Where a list is asked for, too, that branch is the one that is taken now, and knows what to do.
    """
    if len(question.args) != 2 or dotted(question.args[1].value) != "str":
        return
    scope = file.enclosing(node, cst.FunctionDef) or file.module.tree
    asked = [c for c in file.module.index.find(scope, cst.Call) if dotted(c.func) == "isinstance" and len(c.args) == 2]
    others = [c for c in asked if c.args[0].value.deep_equals(node) and dotted(c.args[1].value) != "str"]
    if not all(_is_of_old(node.value, file) and _normalises(file.enclosing(c, cst.If), file) for c in others):
        return
    negated = file.parent(question)
    if isinstance(negated, cst.UnaryOperation) and isinstance(negated.operator, cst.Not):
        yield Rewrite(negated, lambda updated: _compared(updated.expression, cst.Is(), updated), _HAS_TEXT)
    else:
        yield Rewrite(question, lambda updated: _compared(updated, cst.IsNot(), updated), _HAS_TEXT)


@rule.on(cst.IfExp)
def text_or_not(node: cst.IfExp, file: File) -> Iterator[Change]:
    """`msg.content if isinstance(msg.content, str) else str(msg.content)`: whatever was said, as a text."""
    if not _is_text_or_not(node, file):
        return
    message = cst.ensure_type(node.body, cst.Attribute).value
    if _is_of_old(message, file):
        new = cst.ensure_type(
            cst.parse_expression(f"{file.code(message)}.text_content or {quote(file, node) * 2}"), cst.BooleanOperation
        ).with_changes(lpar=node.lpar, rpar=node.rpar)
        yield Rewrite(node, lambda _: new, _HAS_TEXT)


def _is_text_or_not(node: cst.IfExp, file: File) -> bool:
    content, question, other = node.body, node.test, node.orelse
    if not _is_content(content, file) or not isinstance(question, cst.Call) or dotted(question.func) != "isinstance":
        return False
    if len(question.args) != 2 or dotted(question.args[1].value) != "str":
        return False
    if isinstance(other, cst.Call) and dotted(other.func) == "str" and len(other.args) == 1:
        other = other.args[0].value
        return question.args[0].value.deep_equals(content) and other.deep_equals(content)
    return question.args[0].value.deep_equals(content) and text_of(other) == ""


_HAS_TEXT = "the content is a list; `text_content` is None when no text is in it"


def _compared(
    question: cst.BaseExpression, operator: cst.BaseCompOp, whole: cst.Call | cst.UnaryOperation
) -> cst.Comparison:
    content = cst.ensure_type(cst.ensure_type(question, cst.Call).args[0].value, cst.Attribute)
    return cst.Comparison(
        content.with_changes(attr=cst.Name("text_content")),
        [cst.ComparisonTarget(operator, cst.Name("None"))],
        lpar=whole.lpar,
        rpar=whole.rpar,
    )


@rule.on(cst.If)
def normalisation(node: cst.If, file: File) -> Iterator[Change]:
    """`if isinstance(msg.content, list): msg.content = "…".join(…)` is what `text_content` does."""
    if _normalises(node, file) and node.orelse is None and _is_of_old(_asked_of(node), file):
        yield Replace(node, lambda _: gap(node.leading_lines), "`text_content` joins the texts itself", Action.REMOVED)


def _asked_of(node: cst.If) -> cst.BaseExpression:
    """`msg` of `if isinstance(msg.content, list):`."""
    return cst.ensure_type(cst.ensure_type(node.test, cst.Call).args[0].value, cst.Attribute).value


def _normalises(node: cst.If | None, file: File) -> bool:
    if node is None or not isinstance(node.test, cst.Call) or dotted(node.test.func) != "isinstance":
        return False
    if len(node.test.args) != 2 or dotted(node.test.args[1].value) != "list":
        return False
    if not _is_content(node.test.args[0].value, file) or node.orelse is not None:
        return False
    body = node.body.body
    if len(body) != 1 or not isinstance(body[0], cst.SimpleStatementLine) or len(body[0].body) != 1:
        return False
    small = body[0].body[0]
    return isinstance(small, cst.Assign) and any(_is_content(t.target, file) for t in find(small, cst.AssignTarget))
