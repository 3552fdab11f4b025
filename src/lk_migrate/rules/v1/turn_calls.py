"""Finding the calls that LK301 and LK302 merge, and saying what was done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import libcst as cst

from lk_migrate.facts.framework import callee, constructed
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.keyword_dicts import keyword_dicts
from lk_migrate.facts.partials import bound_name, calls_of_partial, is_partial, partial_behind
from lk_migrate.facts.walk import own_scope
from lk_migrate.rewrite.arguments import find_keyword, keyword
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import fitting, spot
from lk_migrate.rules.v1.turn_options import SESSION_KEYS, can_merge_into, merge_arguments


def merge_call(
    call: cst.Call, file: File, classes: frozenset[str], keys: Mapping[str, tuple[str, ...]]
) -> Iterator[Change]:
    """Merge the old keywords of `call` if they reach the constructor of one of `classes`."""
    names = [
        keyword(a)
        for a in call.args
        if keyword(a) in keys and constructed(file.project, file.module, call, keyword(a)) in classes
    ]
    if not names or call in file.project.fact(keyword_dicts).mixed:
        return
    said = ", ".join(f"`{n}=`" for n in names)
    partial = _partial_beside(call, file)
    if partial is call:
        yield Todo(
            call,
            f"{said} here, and what the calls of `{bound_name(file.module, call)}` give, are one `turn_handling` now, "
            "of which a call's takes the place of this one: give all of it in one place.",
        )
    if partial is not None:
        return
    existing = find_keyword(call, "turn_handling")
    if existing is not None and not can_merge_into(existing.value):
        yield Todo(
            call,
            f"{said} has no effect beside `turn_handling=`: add what is wanted of it where "
            f"`{file.code(existing.value)}` is built, and delete it here.",
        )
        return
    spelling = "" if existing is not None else _spelling(call, names, file)
    where = spot(file, call)
    chosen = {n: keys[n] for n in names}
    defaults = {n: d for n in names if (d := _default(call, n, file))}
    yield Rewrite(
        call,
        lambda updated: fitting(
            lambda c: merge_arguments(c, chosen, spelling, where.indentation, defaults), updated, where
        ),
        _message(said, names, existing is not None, classes),
    )
    if existing is not None:
        yield Note(call, f"{said} had no effect so far, because `turn_handling=` was given; now it has.")


def _partial_beside(call: cst.Call, file: File) -> cst.Call | None:
    """The `functools.partial` that `call` is or calls, if it gives turn-taking keywords and so may its calls."""
    project, module = file.project, file.module
    behind = (module, call) if is_partial(project, module, call) else partial_behind(project, module, callee(call))
    if behind is None or not any(keyword(a) in SESSION_KEYS or keyword(a) == "turn_handling" for a in behind[1].args):
        return None
    calls = (c for _, c in calls_of_partial(project, *behind))
    mixed = any(a.star == "**" or keyword(a) in (*SESSION_KEYS, "turn_handling") for c in calls for a in c.args)
    return behind[1] if mixed else None


def _spelling(call: cst.Call, names: list[str], file: File) -> str:
    """How `TurnHandlingOptions` is spelled here; nothing is imported when only no-ops are dropped."""
    no_op = all(
        (dotted(a.value) or "").rpartition(".")[2] == "NOT_GIVEN"
        or (keyword(a) == "allow_interruptions" and dotted(a.value) == "True")
        for a in call.args
        if keyword(a) in names
    )
    return "" if no_op else file.use("livekit.agents.TurnHandlingOptions")


def _message(said: str, names: list[str], existing: bool, classes: frozenset[str]) -> str:
    into = "into the `turn_handling=` that is there" if existing else "into `turn_handling=`"
    message = f"{said} merged {into}"
    if "allow_interruptions" in names and "Agent" in classes:
        message += "; an Agent's `enabled: True` overrules a session that forbids interruptions"
    return message


def _default(call: cst.Call, name: str, file: File) -> str:
    """`None` or `NOT_GIVEN` when the value is a parameter or variable that may mean "not given"."""
    arg = find_keyword(call, name)
    function = file.enclosing(call, cst.FunctionDef)
    if arg is None or function is None or not isinstance(arg.value, cst.Name):
        return ""
    for param in (*function.params.params, *function.params.kwonly_params):
        if param.name.value == arg.value.value and param.default is not None:
            default = dotted(param.default) or ""
            if default.rpartition(".")[2] == "NOT_GIVEN":
                return default
            if default == "None" and name == "allow_interruptions":
                return default
    return _may_be_not_given(arg.value, function)


def _may_be_not_given(variable: cst.Name, function: cst.FunctionDef) -> str:
    """How `NOT_GIVEN` is spelled where the variable may get it: `x = Model() if wanted else NOT_GIVEN`."""
    for assign in own_scope(function):
        if not isinstance(assign, cst.Assign) or all(dotted(t.target) != variable.value for t in assign.targets):
            continue
        for value in _outcomes(assign.value):
            if (dotted(value) or "").rpartition(".")[2] == "NOT_GIVEN":
                return dotted(value) or ""
    return ""


def _outcomes(value: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(value, cst.IfExp):
        yield from (*_outcomes(value.body), *_outcomes(value.orelse))
    elif isinstance(value, cst.BooleanOperation):
        yield from (*_outcomes(value.left), *_outcomes(value.right))
    else:
        yield value
