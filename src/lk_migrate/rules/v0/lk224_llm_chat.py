"""`llm.chat(fnc_ctx=…)` is now `llm.chat(tools=[…])`, and a chunk has one `delta` instead of choices.

`ChatChunk` is made with `id=` and `delta=`. `chat` is no coroutine (it was one until 0.8), takes keywords only, and
`temperature=` and `n=` went to the LLM's own options or to `extra_kwargs=` (an own `chat` that takes them is handed
them as before). A session's `llm` may be a realtime model,
which has no `chat`: that this one is none is said where it is asked.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import libcst as cst

from lk_migrate.facts.among import called_so, calls_of, foreign
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instances import where_objects_may_be
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.text_answers import text_answers
from lk_migrate.facts.v0_names import TRIGGERS, Kind, llm_name
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import find_keyword, keyword, keyword_arg, of_call, shifted, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.renamed_keyword import renamed_keyword

rule = Rule(
    "LK224",
    Edition.V0,
    __doc__,
    triggers=(*TRIGGERS, b".chat(", b"ToolChoice", b"ChatChunk"),
    since="1.0.0",
    paths=where_objects_may_be,
)


#: What `chat` took by position until 0.8; since then it takes keywords only.
_POSITIONS = ("chat_ctx", "fnc_ctx", "temperature", "n")
#: They are keys of `extra_kwargs=` today.
_EXTRA = ("temperature", "n")


def _is_chat(node: cst.CSTNode, file: File) -> bool:
    return (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value == "chat"
        and file.project.fact(holdings).has(file.module, node.func.value, Kind.LLM)
    )


@rule.on(cst.Await)
def awaited(node: cst.Await, file: File) -> Iterator[Change]:
    """`await llm.chat(…)` (until 0.8)."""
    if _is_chat(node.expression, file):
        yield Rewrite(node, lambda updated: updated.expression, "`chat` is not a coroutine")


@rule.on(cst.Call, among=calls_of("chat"))
def chat(call: cst.Call, file: File) -> Iterator[Change]:
    """The arguments of `chat`."""
    if not _is_chat(call, file):
        return
    named = {
        id(arg): name for arg, name in zip(call.args, _POSITIONS, strict=False) if not keyword(arg) and not arg.star
    }
    names = [keyword(a) or named.get(id(a), "") for a in call.args]
    twice = _given_twice(names)
    if twice:
        yield Todo(call, f"`{twice}=` is given twice, once under another name: keep the one that is meant.")
        return
    for arg in call.args:
        name = named.get(id(arg))
        if name is not None and name != "fnc_ctx":
            yield Rewrite(arg, functools.partial(_by_keyword, name=name), "by keyword")
    given = next((a for a in call.args if "fnc_ctx" in (keyword(a), named.get(id(a)))), None)
    if given is not None:
        found = file.project.fact(function_contexts)
        binding = found.holdings.binding(file.module, given.value)
        single = [t.node.name.value for t in found.closures(binding)] if binding in found.bare and binding else []
        if single or dotted(given.value) == "None":
            apply = functools.partial(_single_tools, names=single)
        else:
            context = file.use("livekit.agents.llm") + ".ToolContext"
            boxed = not _is_of_agent(given.value, file)
            added = [t.node.name.value for t in found.closures(binding)] if binding is not None else []
            apply = functools.partial(_flat, context=context, boxed=boxed, added=added)
            if boxed and not added and _may_be_none(given.value, file):
                apply = functools.partial(_flat_if_any, context=context)
        yield Rewrite(given, apply, "`fnc_ctx=` is a list of `tools=`")
    extra = [name for name in names if name in _EXTRA and not _takes(name, call, file)]
    if extra:
        moved = functools.partial(_with_extra, extra=extra)
        yield Rewrite(call, moved, "`temperature=` and `n=` are `extra_kwargs=`")


def _takes(name: str, call: cst.Call, file: File) -> bool:
    """Whether the call may reach an own `chat` that has a parameter of this name."""
    reached = file.project.fact(holdings).callees(file.module, call)
    return any(name in [p.name.value for p in find(f.node.params, cst.Param)] for f in reached)


@rule.on(cst.Call, among=calls_of("chat"))
def of_session(call: cst.Call, file: File) -> Iterator[Change]:
    """`agent.llm.chat(…)` of a 0.x pipeline: the model of its session is an LLM."""
    model = call.func.value if _is_chat(call, file) and isinstance(call.func, cst.Attribute) else None
    if not isinstance(model, cst.Attribute) or model.attr.value != "llm":
        return
    if not file.project.fact(holdings).has(file.module, model.value, Kind.PIPELINE):
        return
    statement = file.statement(call)
    block = file.parent(statement)
    answers = file.project.fact(text_answers).values()
    if not isinstance(block, cst.IndentedBlock) or any(statement in a.lines for found in answers for a in found):
        return
    before = list(block.body[: block.body.index(statement)])  # type: ignore[arg-type]
    if any(_asks(other, model, file) or _is_said(other) for other in before):
        return
    session = file.project.fact(pipelines).spelled(file.module, model.value)
    said = cst.parse_statement(f"assert isinstance({session}.llm, {file.use('livekit.agents.llm')}.LLM)\n")
    yield Rewrite(
        statement,
        lambda updated: cst.FlattenSentinel(
            [said.with_changes(leading_lines=updated.leading_lines), updated.with_changes(leading_lines=[])]
        ),
        "a session's `llm` may be a realtime model, which has no `chat`",
    )


def _asks(statement: cst.CSTNode, model: cst.Attribute, file: File) -> bool:
    return any(_is_chat(c, file) and c.func.value.deep_equals(model) for c in find(statement, cst.Call))  # type: ignore[attr-defined]


def _is_said(statement: cst.CSTNode) -> bool:
    """`assert isinstance(session.llm, llm.LLM)`."""
    small = statement.body[0] if isinstance(statement, cst.SimpleStatementLine) and statement.body else None
    test = small.test if isinstance(small, cst.Assert) else None
    is_question = isinstance(test, cst.Call) and dotted(test.func) == "isinstance" and bool(test.args)
    return is_question and (dotted(test.args[0].value) or "").endswith(".llm")  # type: ignore[union-attr]


def _by_keyword(updated: cst.Arg, name: str) -> cst.Arg:
    return keyword_arg(name, updated.value).with_changes(
        comma=updated.comma, whitespace_after_arg=updated.whitespace_after_arg
    )


@rule.on(cst.Call, among=foreign)
def choice(call: cst.Call, file: File) -> Iterator[Change]:
    """`llm.ToolChoice(type="function", name="look")`: a choice is a text or a dict now."""
    if llm_name(file.full_name(call.func)) == "ToolChoice":
        names = [a.value for i, a in enumerate(call.args) if keyword(a) == "name" or (i == 1 and not keyword(a))]
        if len(names) != 1:
            yield Todo(call, 'a tool choice is a dict now: `{"type": "function", "function": {"name": …}}`.')
            return
        yield Rewrite(call, _choice, "a tool choice is a dict now")


def _choice(updated: cst.Call) -> cst.BaseExpression:
    (name,) = (a.value for i, a in enumerate(updated.args) if keyword(a) == "name" or (i == 1 and not keyword(a)))
    choice = cst.parse_expression('{"type": "function", "function": {"name": 0}}')
    return choice.deep_replace(next(find(choice, cst.Integer)), name)  # type: ignore[return-value]


def _given_twice(names: Sequence[str]) -> str:
    """The first of today's arguments that the call would have twice: `chat(context, chat_ctx=other)`."""
    today = ["tools" if name == "fnc_ctx" else name for name in names if name and name not in _EXTRA]
    today += ["extra_kwargs"] * any(name in _EXTRA for name in names)
    return next((name for name in today if today.count(name) > 1), "")


def _is_of_agent(node: cst.BaseExpression, file: File) -> bool:
    """`agent.fnc_ctx`, which LK203 makes `session.current_agent.tools`: a list already."""
    if not isinstance(node, cst.Attribute) or node.attr.value != "fnc_ctx":
        return False
    return file.project.fact(holdings).is_v0_agent(file.module, node.value)


def _single_tools(updated: cst.Arg, names: list[str]) -> cst.Arg:
    """The closures by name, none for None."""
    tools = cst.List([cst.Element(cst.Name(n)) for n in names])
    return keyword_arg("tools", tools).with_changes(
        comma=updated.comma, whitespace_after_arg=updated.whitespace_after_arg
    )


def _flat(updated: cst.Arg, context: str, boxed: bool, added: Sequence[str]) -> cst.Arg:
    """A box of tools (and what was added to it), or a list that may hold some: `chat` takes single tools only."""
    listed = [cst.Element(updated.value), *(cst.Element(cst.Name(name)) for name in added)]
    tools = cst.List(listed) if boxed else updated.value
    call = cst.Call(cst.parse_expression(context), [cst.Arg(tools)])
    return keyword_arg("tools", cst.Call(cst.Attribute(call, cst.Name("flatten")))).with_changes(
        comma=updated.comma, whitespace_after_arg=updated.whitespace_after_arg
    )


def _flat_if_any(updated: cst.Arg, context: str) -> cst.Arg:
    """A box that may be missing: `None` is no tool."""
    box = cst.Module([]).code_for_node(updated.value)
    tools = cst.parse_expression(f"{context}([{box}] if {box} is not None else []).flatten()")
    return keyword_arg("tools", tools).with_changes(
        comma=updated.comma, whitespace_after_arg=updated.whitespace_after_arg
    )


def _may_be_none(value: cst.BaseExpression, file: File) -> bool:
    """Whether it is a parameter that is None unless it is given, or may be given as None."""
    function = file.enclosing(value, cst.FunctionDef)
    if not isinstance(value, cst.Name) or function is None:
        return False
    params = (*function.params.posonly_params, *function.params.params, *function.params.kwonly_params)
    for param in params:
        if param.name.value == value.value:
            said = file.code(param.annotation.annotation) if param.annotation is not None else ""
            is_none = param.default is not None and dotted(param.default) == "None"
            return is_none or "None" in said or "Optional" in said
    return False


def _with_extra(updated: cst.Call, extra: Sequence[str]) -> cst.Call:
    brackets = of_call(updated)
    elements = []
    for i in reversed(range(len(brackets.items))):
        arg = brackets.items[i]
        if keyword(arg) in extra:
            elements.append(cst.DictElement(cst.SimpleString(f'"{keyword(arg)}"'), arg.value))
            brackets = brackets.without(i)
    return to_call(updated, brackets.appended(keyword_arg("extra_kwargs", cst.Dict(list(reversed(elements))))))


@rule.on(cst.Attribute, among=called_so("capabilities"))
def capabilities(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`model.capabilities`."""
    if node.attr.value == "capabilities" and file.project.fact(holdings).has(file.module, node.value, Kind.LLM):
        yield Todo(node, "an LLM has no `capabilities` any more: take the question out.")


@rule.on(cst.Call, among=foreign)
def made_chunk(call: cst.Call, file: File) -> Iterator[Change]:
    """`llm.ChatChunk(request_id=…, choices=[llm.Choice(delta=…)])` of an own LLM."""
    if llm_name(file.full_name(call.func)) != "ChatChunk":
        return
    named = {keyword(a) for a in call.args}
    if "choices" in named and not named & {"id", "request_id", ""}:
        yield Rewrite(call, _with_id, "a chunk needs the `id` of its answer")
    for arg in call.args:
        if keyword(arg) == "request_id":
            yield from renamed_keyword(call, arg, "id")
        elif keyword(arg) == "choices":
            if _only_delta(arg.value, file) is None or find_keyword(call, "delta") is not None:
                yield Todo(arg, "a chunk has no `choices`: it has one `delta=llm.ChoiceDelta(…)`, or none.")
                continue
            before = of_call(call).gaps[call.args.index(arg)]
            yield Rewrite(arg, lambda updated, before=before: _as_delta(updated, before), "a chunk has one delta")  # type: ignore[misc]


def _with_id(updated: cst.Call) -> cst.Call:
    return to_call(updated, of_call(updated).appended(keyword_arg("id", cst.SimpleString('""'))))


def _only_delta(value: cst.BaseExpression, file: File) -> cst.BaseExpression | None:
    """`delta` in `[llm.Choice(delta=delta, index=0)]`."""
    if not isinstance(value, cst.List) or len(value.elements) != 1:
        return None
    choice = value.elements[0].value
    if not isinstance(choice, cst.Call) or llm_name(file.full_name(choice.func)) != "Choice":
        return None
    return _delta_of(choice)


def _delta_of(choice: cst.Call) -> cst.BaseExpression | None:
    return next(
        (a.value for i, a in enumerate(choice.args) if keyword(a) == "delta" or (i == 0 and not keyword(a))), None
    )


def _as_delta(updated: cst.Arg, before: cst.BaseParenthesizableWhitespace) -> cst.Arg:
    """`before`: what stands before the argument; the lines of the delta move to the left with it."""
    assert isinstance(updated.value, cst.List) and isinstance(updated.value.elements[0].value, cst.Call)
    choice = updated.value.elements[0].value
    delta = _delta_of(choice)
    assert delta is not None
    brackets = of_call(choice)
    stood = next(gap for gap, item in zip(brackets.gaps, brackets.items, strict=False) if item.value is delta)
    by = 0
    if isinstance(before, cst.ParenthesizedWhitespace) and isinstance(stood, cst.ParenthesizedWhitespace):
        by = len(before.last_line.value) - len(stood.last_line.value)
    return updated.with_changes(keyword=cst.Name("delta"), value=shifted(delta, by))
