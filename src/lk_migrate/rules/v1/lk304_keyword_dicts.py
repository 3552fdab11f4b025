"""Turn-taking keywords that reach `AgentSession` or `Agent` in a dict are rewritten where the dict is built.

`AgentSession(**session_kwargs)` hides the deprecated keys (since 1.5.0): they stand in a literal, are added under a
condition, come from a constant in another module or from a caller's `**kwargs`. Where every source of the dict is
known, each gets a nested `turn_handling`; otherwise the call is marked with the keys and where they come from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import libcst as cst

from lk_migrate.facts.flows import Source, subscript_key, text_key
from lk_migrate.facts.keyword_dicts import keyword_dicts
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import Brackets, keyword, keyword_arg, of_call, of_display, to_call, to_display
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import Entry, code, expression, fitting, one_line, spot
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.turn_options import SESSION_KEYS, Given, entries, is_left_out, merge_arguments


def paths(project: Project) -> frozenset[str]:
    """All files when there is such a dict, whose sources may be anywhere."""
    found = project.fact(keyword_dicts)
    return frozenset(project.files if found.rewrite or found.left or found.spelled else ())


_TRIGGERS = (*(k.encode() for k in SESSION_KEYS), b"**")
rule = Rule("LK304", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.5.0", paths=paths)

_SPACE = cst.SimpleWhitespace(" ")


def _source(node: cst.CSTNode, file: File) -> Source | None:
    return file.project.fact(keyword_dicts).rewrite.get(node)


def _said(keys: frozenset[str]) -> str:
    return ", ".join(f"`{k}`" for k in SESSION_KEYS if k in keys)


@rule.on(cst.Call)
def marked_call(call: cst.Call, file: File) -> Iterator[Change]:
    """A call whose dict has a source that is not known."""
    reason = file.project.fact(keyword_dicts).left.get(call)
    if reason is not None:
        yield Todo(call, reason)


@rule.on(cst.Call)
def spelled_out(call: cst.Call, file: File) -> Iterator[Change]:
    """`f(turn_detection=x, **TURNS)` → `f(turn_handling=TurnHandlingOptions(…TURNS["min_endpointing_delay"]…))`."""
    found = file.project.fact(keyword_dicts).spelled.get(call)
    if found is None:
        return
    star, keys = found
    where = spot(file, call)
    options = file.use("livekit.agents.TurnHandlingOptions")
    at = list(call.args).index(star)
    spelling = file.code(star.value)

    def merged(updated: cst.Call) -> cst.Call:
        return merge_arguments(_with_keys(updated, at, keys, spelling), SESSION_KEYS, options, where.indentation, {})

    yield Rewrite(
        call,
        lambda updated: fitting(merged, updated, where),
        f"the values of `{spelling}` are given by name; {_said(frozenset(keys))} in `turn_handling=`",
    )


def _with_keys(call: cst.Call, at: int, keys: Sequence[str], spelling: str) -> cst.Call:
    """`**TURNS` (the argument `at`) as `key=TURNS["key"]`, … in the same place."""
    brackets = of_call(call)
    old = brackets.items[at]
    assert isinstance(old, cst.Arg)
    gap = brackets.gaps[at]  # its comments stay above the first
    own_line = isinstance(gap, cst.ParenthesizedWhitespace)
    plain = gap.with_changes(first_line=cst.TrailingWhitespace(), empty_lines=[]) if own_line else _SPACE
    comma = cst.Comma(whitespace_after=plain)
    new = [keyword_arg(key, cst.parse_expression(f'{spelling}["{key}"]')).with_changes(comma=comma) for key in keys]
    new[-1] = new[-1].with_changes(comma=call.args[at].comma, whitespace_after_arg=call.args[at].whitespace_after_arg)
    return call.with_changes(args=[*call.args[:at], *new, *call.args[at + 1 :]])


@rule.on(cst.Dict)
def display(node: cst.Dict, file: File) -> Iterator[Change]:
    """`{"vad": vad, "min_endpointing_delay": 0.5}` → `{"vad": vad, "turn_handling": {…}}`."""
    source, joined = _source(node, file), file.project.fact(keyword_dicts).joined.get(node, ())
    if source is None and not joined:
        return
    indentation = file.module.span(file.statement(node)).column
    keys = frozenset(map(keyword, joined)).union(source.keys if source is not None else ())
    yield Rewrite(
        node, lambda updated: _display(updated, joined, indentation), f"{_said(keys)} merged into `turn_handling`"
    )


@rule.on(cst.Call)
def handed_over(call: cst.Call, file: File) -> Iterator[Change]:
    """`AgentSession(min_endpointing_delay=0.3, **options)`: the dict, which is made for this call, has it."""
    taken = frozenset(map(keyword, file.project.fact(keyword_dicts).taken.get(call, ())))
    if taken:
        yield Rewrite(call, lambda updated: _without(updated, taken), f"{_said(taken)} merged into `turn_handling`")


def _without(call: cst.Call, names: frozenset[str]) -> cst.Call:
    brackets = of_call(call)
    for i in reversed(range(len(brackets.items))):
        if keyword(brackets.items[i]) in names:
            brackets = brackets.without_but_comments(i)
    return to_call(call, brackets)


def _display(node: cst.Dict, joined: Sequence[cst.Arg], indentation: int) -> cst.Dict:
    brackets = of_display(node)
    keys = [text_key(e.key) if isinstance(e, cst.DictElement) else None for e in brackets.items]
    old = [i for i, key in enumerate(keys) if key in SESSION_KEYS]
    given = [_given(brackets, i, keys[i] or "", brackets.items[i].value) for i in old]
    kept = [(i, g) for i, g in zip(old, given, strict=True) if not is_left_out(g)]
    first = kept[0][0] if kept else -1
    others = [g for arg in joined if not is_left_out(g := Given(keyword(arg), arg.value))]
    if others and not kept:
        entry = Entry("turn_handling", entries=entries(others))
        value = expression(entry, brackets.pad, indentation, len('"turn_handling": ,'))
        brackets = brackets.appended(cst.DictElement(cst.SimpleString('"turn_handling"'), value))
    if kept:
        gap = brackets.gaps[first]
        pad = gap.last_line.value if isinstance(gap, cst.ParenthesizedWhitespace) else None
        items = [g if i != first else Given(g.key, g.value, column=g.column) for i, g in kept]
        entry = Entry("turn_handling", entries=entries([*items, *others]))
        value = expression(entry, pad, indentation, len('"turn_handling": ,'))
        element = brackets.items[first].with_changes(key=cst.SimpleString('"turn_handling"'), value=value)
        brackets = brackets.with_item(first, element)
    for i in reversed(old):
        if i != first:
            brackets = brackets.without(i) if i in dict(kept) else brackets.without_but_comments(i)
    return to_display(node, brackets)


def _given(brackets: Brackets, i: int, key: str, value: cst.BaseExpression) -> Given:
    gap = brackets.gaps[i]
    column = len(gap.last_line.value) if isinstance(gap, cst.ParenthesizedWhitespace) else 0
    return Given(key, value, brackets.comments(i), column)


@rule.on(cst.Call)
def keywords(call: cst.Call, file: File) -> Iterator[Change]:
    """`dict(min_endpointing_delay=0.5)`, `make_session(min_endpointing_delay=0.5)`, and `d.setdefault(…)`."""
    source = _source(call, file)
    if source is None:
        return
    if source.how == "call":
        where = spot(file, call)
        chosen = {k: SESSION_KEYS[k] for k in source.keys if k in SESSION_KEYS}
        yield Rewrite(
            call,
            lambda updated: fitting(lambda c: merge_arguments(c, chosen, "", where.indentation, {}), updated, where),
            f"{_said(source.keys)} merged into `turn_handling=`",
        )
    elif source.how == "setdefault":
        yield Rewrite(call, _default, f"{_said(source.keys)} set in `turn_handling`")


def _default(call: cst.Call) -> cst.BaseExpression:
    key = text_key(call.args[0].value) or ""
    assert isinstance(call.func, cst.Attribute)
    value = call.args[1].value if len(call.args) > 1 else cst.Name("None")
    path, leaf = _place(code(call.func.value), key, value)
    return cst.parse_expression(f'{path}.setdefault("{leaf.key}", {one_line(leaf)})')


def _place(target: str, key: str, value: cst.BaseExpression) -> tuple[str, Entry]:
    """(the expression for the dict that holds the value, the entry in it)."""
    (top,) = entries([Given(key, value)])
    path = f'{target}.setdefault("turn_handling", {{}})'
    if top.value is not None or top.key == "preemptive_generation":
        return path, top
    return f'{path}.setdefault("{top.key}", {{}})', top.entries[0]


@rule.on(cst.Assign)
def items(node: cst.Assign, file: File) -> Iterator[Change]:
    """`d["min_endpointing_delay"] = 0.5`."""
    source = _source(node, file)
    if source is not None:
        yield Rewrite(node, _item, f"{_said(source.keys)} set in `turn_handling`")


@rule.on(cst.Expr)
def updates(node: cst.Expr, file: File) -> Iterator[Change]:
    """`d.update(min_endpointing_delay=0.5)`."""
    source = _source(node.value, file)
    if source is None or source.how != "update":
        return
    line = file.parent(node)
    alone = isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1
    target, apply = source.target, _update if alone else _update_beside
    yield Rewrite(
        line if alone and line is not None else node,
        lambda updated: apply(updated, target),
        f"{_said(source.keys)} set in `turn_handling`",
    )


def _item(statement: cst.Assign) -> cst.Assign:
    target = statement.targets[0]
    assert isinstance(target.target, cst.Subscript)
    key = subscript_key(target.target) or ""
    path, leaf = _place(code(target.target.value), key, statement.value)
    new = cst.ensure_type(cst.parse_expression(f'{path}["{leaf.key}"]'), cst.Subscript)
    value = cst.parse_expression(one_line(leaf)) if leaf.value is None else leaf.value
    return statement.with_changes(targets=[target.with_changes(target=new)], value=value)


def _update(line: cst.SimpleStatementLine, target: str) -> cst.FlattenSentinel[cst.SimpleStatementLine]:
    small = line.body[0]
    assert isinstance(small, cst.Expr)
    lines = [line.with_changes(body=[each], leading_lines=[]) for each in _set_one_by_one(small, target)]
    lines[0] = lines[0].with_changes(leading_lines=line.leading_lines)
    lines[:-1] = [each.with_changes(trailing_whitespace=cst.TrailingWhitespace()) for each in lines[:-1]]
    return cst.FlattenSentinel(lines)


def _update_beside(small: cst.Expr, target: str) -> cst.FlattenSentinel[cst.BaseSmallStatement]:
    """Where other statements share the line."""
    made = [each.with_changes(semicolon=cst.MaybeSentinel.DEFAULT) for each in _set_one_by_one(small, target)]
    return cst.FlattenSentinel([*made[:-1], made[-1].with_changes(semicolon=small.semicolon)])


def _set_one_by_one(small: cst.Expr, target: str) -> list[cst.BaseSmallStatement]:
    """What is left of the update, and an assignment for each of the old keys."""
    assert isinstance(small.value, cst.Call)
    call, taken = _without_keys(small.value)
    rest = any(not isinstance(a.value, cst.Dict) or a.value.elements for a in call.args)
    made: list[cst.BaseSmallStatement] = [small.with_changes(value=call)] if rest else []
    for key, value in taken:
        path, leaf = _place(target, key, value)
        text = f'{path}["{leaf.key}"] = {one_line(leaf)}'
        made += cst.ensure_type(cst.parse_statement(text), cst.SimpleStatementLine).body
    return made


def _without_keys(call: cst.Call) -> tuple[cst.Call, Sequence[tuple[str, cst.BaseExpression]]]:
    """The call without the old keys, and these with their values."""
    taken: list[tuple[str, cst.BaseExpression]] = []
    brackets = of_call(call)
    for i in reversed(range(len(brackets.items))):
        arg = brackets.items[i]
        if keyword(arg) in SESSION_KEYS:
            taken.insert(0, (keyword(arg), arg.value))
            brackets = brackets.without_but_comments(i)
        elif not keyword(arg) and isinstance(arg.value, cst.Dict):
            inner = of_display(arg.value)
            for j in reversed(range(len(inner.items))):
                element = inner.items[j]
                key = text_key(element.key) if isinstance(element, cst.DictElement) else None
                if key in SESSION_KEYS:
                    taken.insert(0, (key or "", element.value))
                    inner = inner.without_but_comments(j)
            brackets = brackets.with_item(i, arg.with_changes(value=to_display(arg.value, inner)))
    return to_call(call, brackets), taken
