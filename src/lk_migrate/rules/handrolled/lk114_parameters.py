"""Every parameter of a tool has a type, and the run context is annotated `RunContext`.

LiveKit builds the tool's schema from the annotations: a parameter without one raises KeyError when the agent starts,
and so does a bare `ctx`; `Optional[RunContext]` raises PydanticSchemaGenerationError; `*args` and `**kwargs` quietly
become parameters called `args` and `kwargs`. Types come from the JSON schema (an `enum` becomes a `Literal`, an object
a `TypedDict`, limits and descriptions that no docstring holds a `Field`; what the model had to give has no default),
the default, the docstring, or what the body does with the value; where none of these tells, the type is `str` and the
finding says so.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import any_tool, any_tool_files
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.imports import bound_names
from lk_migrate.facts.json_types import PythonType, annotated, typed_dict
from lk_migrate.facts.open_objects import is_open_object, open_objects, spelling, wanted_type
from lk_migrate.facts.parameters import Guess, is_documented, is_none, keys_read, may_be_none
from lk_migrate.facts.project import Project
from lk_migrate.facts.requiredness import always_given
from lk_migrate.facts.run_contexts import annotated_context
from lk_migrate.facts.schemas import ParameterSchema
from lk_migrate.facts.tools import Tool, function_tool
from lk_migrate.facts.typed_dicts import typed_dicts, without_clashes
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import insert_first, statement, wrapped_parameters
from lk_migrate.rewrite.changes import Change, Note, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.nulls import minds_none, without_none
from lk_migrate.rewrite.schema_parameters import not_a_name
from lk_migrate.rewrite.spelling import spelled
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where tools are, those of 0.x too."""
    of_0x = (tool.module.path for tool in project.fact(function_contexts).tools.values())
    return project.fact(any_tool_files).union(of_0x)


rule = Rule("LK114", Edition.HANDROLLED, __doc__, triggers=(b"def ",), paths=paths)


#: Headers that grow longer than this are wrapped, one parameter a line.
_WIDTH = 120


@rule.on(cst.FunctionDef)
def annotate(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    tool = any_tool(file.project, file.module, node) or _tool_of_0x(node, file)
    if tool is None or _has_raw_schema(tool):
        return
    if tool.context is not None:
        yield from _annotate_context(tool.context, file)
    changes = [c for param in tool.parameters if param is not tool.bundle for c in _annotate(tool, param, file)]
    changes += _star_parameters(tool, file)
    yield from changes
    depth = sum(isinstance(a, cst.IndentedBlock) for a in file.module.index.ancestors(node))
    indent = file.module.tree.default_indent
    if any(isinstance(c, Rewrite) for c in changes) and _is_one_line(node, file):
        yield Rewrite(
            node, lambda u: wrapped_parameters(u, depth, indent, _WIDTH), f"the parameters of `{tool.name}` have types"
        )


_NO_METHOD = (
    "this tool is no method, so the model would be asked for `self`: take the parameter out, and give what it stands "
    "for another name around the tool."
)


def _tool_of_0x(node: cst.FunctionDef, file: File) -> Tool | None:
    """What an `@ai_callable` becomes (LK211)."""
    known = file.project.fact(function_contexts).tools.get(node)
    if known is None:
        return None
    call = known.decorator.decorator
    return function_tool(file.project, file.module, node, call if isinstance(call, cst.Call) else None, known.decorator)


@rule.on(cst.ClassDef, cst.FunctionDef)
def define_typed_dicts(node: cst.ClassDef | cst.FunctionDef, file: File) -> Iterator[Change]:
    """The objects that parameters take, as classes above the statement that holds the tools."""
    wanted = file.project.fact(typed_dicts).before.get(node, ())
    if not wanted:
        return
    tree = file.module.tree
    blank = cst.EmptyLine(indent=False)
    classes: list[cst.BaseStatement] = []
    for one in wanted:
        source, needs = typed_dict(one, tree.default_indent)
        definition = cst.parse_statement(spelled(source, needs, file), tree.config_for_parsing)
        classes.append(definition.with_changes(leading_lines=[blank, blank]))  # type: ignore[call-arg]
    names = ", ".join(f"`{one.name}`" for one in wanted)
    yield Rewrite(
        node, lambda updated: cst.FlattenSentinel([*classes, updated]), f"{names}: what the JSON schema says of objects"
    )


def _is_one_line(node: cst.FunctionDef, file: File) -> bool:
    return "\n" not in file.code(node.params)


def _has_raw_schema(tool: Tool) -> bool:
    call = tool.decorator.decorator if tool.decorator is not None else None
    return isinstance(call, cst.Call) and any(
        a.keyword is not None and a.keyword.value == "raw_schema" for a in call.args
    )


def _annotate_context(param: cst.Param, file: File) -> Iterator[Change]:
    annotation = param.annotation.annotation if param.annotation is not None else None
    if annotation is not None and annotated_context(file.project, file.module, annotation) == "plain":
        return
    name = file.use("livekit.agents.RunContext")
    yield Rewrite(param, lambda updated: _annotated(updated, name), f"`{param.name.value}` is the `RunContext`")


def _annotate(tool: Tool, param: cst.Param, file: File) -> Iterator[Change]:
    """A type, unless the parameter has one that says as much as its schema; and what else the schema said of it."""
    name = param.name.value
    if name == "self" and param.annotation is None:
        yield Todo(param, _NO_METHOD)
        return
    spelt = spelling(tool, param)
    entry = tool.schema.parameter(name) if tool.schema is not None else None
    drop = param in file.project.fact(always_given)
    guess = wanted_type(tool, param)
    type_ = without_clashes(file.project, file.module, guess.type)
    optional = spelt != type_.source and may_be_none(param, spelt) and not (drop and is_none(param.default))
    source, needs = annotated(type_, _untold(tool, entry), optional)
    text = spelt if "Annotated[" in spelt else spelled(source, needs, file)
    if spelt != text or drop:
        yield Rewrite(
            param, lambda updated: _annotated(updated, text, drop), _message(tool, name, source, guess, drop=drop)
        )
    if not guess.sure:
        yield Note(param, f"nothing tells the type of `{name}` of `{tool.name}`: `{source}` is what models send mostly")
    if entry is None and tool.schema is not None and tool.schema.nameless is not None:
        said = not_a_name(tool.schema.nameless)
        yield Todo(param, f"the model fills no `{name}` of `{tool.name}`: name what it fills; {said}")
    if entry is not None and entry.required and param.default is not None and not drop:
        yield Note(
            param,
            f"the model had to give `{name}` of `{tool.name}`; its default in the code makes it optional now",
        )
    if entry is not None and not entry.required and param.default is None:
        yield Note(
            param,
            f"the model could leave out `{name}` of `{tool.name}`, but the code cannot: it is required now",
        )
    if is_open_object(file.project, tool, param, type_) and not file.project.fact(open_objects).can_be_told:
        yield Todo(param, _loose(name, tool))
    if guess.source == "the JSON schema" and type_.objects and minds_none(tool.node, name, type_):
        yield Rewrite(
            tool.node,
            lambda updated: insert_first(updated, [without_none(name, type_, optional)]),
            f"`{name}` of `{tool.name}` comes without the entries that the model leaves out as null",
        )


def _message(tool: Tool, name: str, source: str, guess: Guess, *, drop: bool) -> str:
    if drop and not guess.source:
        return f"`{name}` of `{tool.name}` has no default: the model had to give it"
    if not guess.source:
        return f"`{name}` of `{tool.name}` is described by `Field`, as its JSON schema did"
    if not guess.sure:
        return f"`{name}` of `{tool.name}` is taken for a `{source}`"
    also = "; it has no default: the model had to give it" if drop else ""
    return f"`{name}` of `{tool.name}` is `{source}` (from {guess.source}){also}"


def _untold(tool: Tool, entry: ParameterSchema | None) -> str:
    """What the schema said of a parameter and the method's docstring, which is there and stays, does not say."""
    docstring = tool.node.get_docstring()
    if entry is None or not docstring or is_documented(docstring, entry.name):
        return ""
    return entry.description


def _loose(name: str, tool: Tool) -> str:
    return (
        f"`{name}` of `{tool.name}` is an open object, and OpenAI refuses those in a strict schema: describe it with a "
        "`TypedDict`, or give the model `_strict_tool_schema=False`"
    )


def _annotated(updated: cst.Param, annotation: str, drop: bool = False) -> cst.Param:
    if drop:
        updated = updated.with_changes(default=None, equal=cst.MaybeSentinel.DEFAULT)
    return updated.with_changes(
        annotation=cst.Annotation(cst.parse_expression(annotation)),
        equal=cst.AssignEqual() if updated.default is not None else updated.equal,
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
        named = [ParameterSchema(n, PythonType("str"), required) for n, required in keys.items()]
    if not named or params.star_arg is not cst.MaybeSentinel.DEFAULT:
        yield Todo(
            tool.node,
            f"`**{keywords.name.value}` of `{tool.name}` would be one parameter of that name: "
            "name the parameters that the model may fill",
        )
        return
    nameless = next((p for p in named if not p.is_name), None)
    if nameless is not None:
        yield Todo(tool.node, f"name what `**{keywords.name.value}` of `{tool.name}` takes; {not_a_name(nameless)}")
        return
    if {p.name for p in named} & bound_names(tool.node):
        yield Todo(tool.node, f"name the parameters of `{tool.name}` that `**{keywords.name.value}` takes")
        return
    new = [_keyword_parameter(p, _untold(tool, p), file) for p in named]
    yield Rewrite(
        tool.node,
        lambda updated: _with_named(updated, new, [p.name for p in named], keywords.name.value),
        f"`**{keywords.name.value}` of `{tool.name}` is written out: {', '.join(p.name for p in named)}",
    )
    for p in named:
        is_loose = without_clashes(file.project, file.module, p.type).loose
        if is_loose and not file.project.fact(open_objects).can_be_told:
            yield Todo(tool.node, _loose(p.name, tool))


def _keyword_parameter(schema: ParameterSchema, untold: str, file: File) -> cst.Param:
    type_ = without_clashes(file.project, file.module, schema.type)
    text = spelled(*annotated(type_, untold, optional=not schema.required), file)
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
