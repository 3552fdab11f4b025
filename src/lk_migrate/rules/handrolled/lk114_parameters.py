"""Every parameter of a tool has a type, and the run context is annotated `RunContext`.

LiveKit builds the tool's schema from the annotations: a parameter without one raises KeyError when the agent starts,
and so does a bare `ctx`; `Optional[RunContext]` raises PydanticSchemaGenerationError; `*args` and `**kwargs` quietly
become parameters called `args` and `kwargs`. Types come from the JSON schema (an `enum` becomes a `Literal`), the
default, the docstring, or what the body does with the value; where none of these tells, the type is `str` and the
finding says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import any_tool
from lk_migrate.facts.imports import bound_names
from lk_migrate.facts.parameters import Guess, from_schema, keys_read, parameter_type
from lk_migrate.facts.schemas import ParameterSchema
from lk_migrate.facts.tools import Declared, Tool, annotated_context
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import insert_first, statement, wrapped_parameters
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK114", Edition.HANDROLLED, __doc__, triggers=(b"def ",))


#: Annotations that say nothing about what is inside.
_OPEN = re.compile(r"\bAny\b|^(Optional\[)?(dict|Dict|list|List|object)\b(?!\[)")
#: Headers that grow longer than this are wrapped, one parameter a line.
_WIDTH = 120
_PLAIN_TYPES = frozenset({"str", "int", "list", "List", "list[str", "List[str", "list[int", "List[int"})


@rule.on(cst.FunctionDef)
def annotate(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    tool = any_tool(file.project, file.module, node)
    if tool is None or _has_raw_schema(tool):
        return
    if tool.context is not None:
        yield from _annotate_context(tool.context, file)
    for param in tool.parameters:
        if param.annotation is None or _is_looser(tool, param, file):
            yield from _annotate(tool, param, file)
        elif tool.declared is not Declared.FUNCTION_TOOL and _OPEN.search(file.code(param.annotation.annotation)):
            yield Note(param, _loose(param.name.value, tool))
    yield from _star_parameters(tool, file)
    depth = sum(isinstance(a, cst.IndentedBlock) for a in file.module.index.ancestors(node))
    indent = file.module.tree.default_indent
    changed = any(p.annotation is None or _is_looser(tool, p, file) for p in tool.parameters)
    if _is_one_line(node, file) and (changed or node.params.star_kwarg is not None):
        yield Rewrite(
            node, lambda u: wrapped_parameters(u, depth, indent, _WIDTH), f"the parameters of `{tool.name}` have types"
        )


def _is_one_line(node: cst.FunctionDef, file: File) -> bool:
    return "\n" not in file.code(node.params)


def _has_raw_schema(tool: Tool) -> bool:
    call = tool.decorator.decorator if tool.decorator is not None else None
    return isinstance(call, cst.Call) and any(
        a.keyword is not None and a.keyword.value == "raw_schema" for a in call.args
    )


def _is_looser(tool: Tool, param: cst.Param, file: File) -> bool:
    """Whether the schema lists the values of a parameter that is only a `str` (or a list of them) in the code."""
    schema = tool.schema.parameter(param.name.value) if tool.schema is not None else None
    if schema is None or "Literal" not in schema.needs or param.annotation is None:
        return False
    return re.sub(r"\s|typing\.|Optional\[|\|None|\]$", "", file.code(param.annotation.annotation)) in _PLAIN_TYPES


def _annotate_context(param: cst.Param, file: File) -> Iterator[Change]:
    annotation = param.annotation.annotation if param.annotation is not None else None
    if annotation is not None and annotated_context(file.project, file.module, annotation) == "plain":
        return
    name = file.use("livekit.agents.RunContext")
    yield Rewrite(param, lambda updated: _annotated(updated, name), f"`{param.name.value}` is the `RunContext`")


def _annotate(tool: Tool, param: cst.Param, file: File) -> Iterator[Change]:
    guess = parameter_type(tool, param)
    text = _spelled(guess, file)
    yield Rewrite(
        param,
        lambda updated: _annotated(updated, text),
        f"`{param.name.value}` of `{tool.name}` is `{guess.annotation}` (from {guess.source})"
        if guess.sure
        else f"`{param.name.value}` of `{tool.name}` is taken for a `str`",
    )
    if not guess.sure:
        yield Note(
            param, f"nothing tells the type of `{param.name.value}` of `{tool.name}`: `str` is what models send mostly"
        )
    if guess.loose:
        yield Note(param, _loose(param.name.value, tool))


def _loose(name: str, tool: Tool) -> str:
    return (
        f"`{name}` of `{tool.name}` is an open object now, OpenAI's strict schemas refuse those: "
        "describe it with a pydantic model"
    )


def _spelled(guess: Guess, file: File) -> str:
    text = guess.annotation
    for name in sorted(guess.needs):
        local = file.use(f"typing.{name}")
        if local != name:
            text = text.replace(name, local)
    return text


def _annotated(updated: cst.Param, annotation: str) -> cst.Param:
    spaced = cst.AssignEqual()
    return updated.with_changes(
        annotation=cst.Annotation(cst.parse_expression(annotation)),
        equal=spaced if updated.default is not None else updated.equal,
    )


def _star_parameters(tool: Tool, file: File) -> Iterator[Change]:
    params = tool.node.params
    if isinstance(params.star_arg, cst.Param):
        yield Todo(
            tool.node,
            f"`*{params.star_arg.name.value}` of `{tool.name}` would be one parameter of that name: "
            "name the parameters that the model may fill",
        )
    keywords = params.star_kwarg
    if keywords is None:
        return
    known = {p.name.value for p in tool.parameters}
    named = [p for p in (tool.schema.parameters if tool.schema is not None else ()) if p.name not in known]
    if not named:
        keys = keys_read(tool.node, keywords.name.value)
        named = [ParameterSchema(n, "str", required) for n, required in keys.items()]
    if not named or params.star_arg is not cst.MaybeSentinel.DEFAULT:
        yield Todo(
            tool.node,
            f"`**{keywords.name.value}` of `{tool.name}` would be one parameter of that name: "
            "name the parameters that the model may fill",
        )
        return
    if {p.name for p in named} & bound_names(tool.node):
        yield Todo(tool.node, f"name the parameters of `{tool.name}` that `**{keywords.name.value}` takes")
        return
    new = [_keyword_parameter(p, file) for p in named]
    yield Rewrite(
        tool.node,
        lambda updated: _with_named(updated, new, [p.name for p in named], keywords.name.value),
        f"`**{keywords.name.value}` of `{tool.name}` is written out: {', '.join(p.name for p in named)}",
    )
    for p in named:
        if p.loose:
            yield Note(tool.node, _loose(p.name, tool))


def _keyword_parameter(schema: ParameterSchema, file: File) -> cst.Param:
    text = _spelled(from_schema(schema), file)
    if not schema.required and "None" not in text:
        text = f"{text} | None"
    default = None if schema.required else cst.Name("None")
    return cst.Param(cst.Name(schema.name), annotation=cst.Annotation(cst.parse_expression(text)), default=default)


def _with_named(updated: cst.FunctionDef, new: list[cst.Param], names: list[str], keywords: str) -> cst.FunctionDef:
    """`**details` as keyword-only parameters; the body finds them in a dictionary of the old name, as before."""
    params = updated.params.with_changes(
        kwonly_params=[*updated.params.kwonly_params, *new], star_kwarg=None, star_arg=cst.ParamStar()
    )
    entries = ", ".join(f'"{n}": {n}' for n in names)
    lines = [
        statement(f"{keywords} = {{{entries}}}"),
        statement(f"{keywords} = {{k: v for k, v in {keywords}.items() if v is not None}}"),
    ]
    return insert_first(updated.with_changes(params=params), lines)
