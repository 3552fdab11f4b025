"""A parameter of a function as a JSON schema describes it."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.json_types import annotated, literal
from lk_migrate.facts.parameters import is_none
from lk_migrate.facts.schemas import ParameterSchema
from lk_migrate.facts.typed_dicts import without_clashes
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.spelling import spelled


def parameter_of(schema: ParameterSchema, default: cst.BaseExpression | None, file: File) -> cst.Param:
    """`default`: what the code took when the model left the argument out.

    A property that is no name in Python is the alias of a parameter; schemas, strict or not, and calls of
    livekit-agents 1.8.9 have it by that (run).
    """
    if default is None and schema.has_default and isinstance(schema.default, (str, int, float, bool)):
        default = cst.parse_expression(literal(schema.default))
    default = None if schema.required else default or cst.Name("None")
    type_ = without_clashes(file.project, file.module, schema.type)
    source, needs = annotated(type_, optional=is_none(default), alias="" if schema.is_name else schema.name)
    annotation = cst.Annotation(cst.parse_expression(spelled(source, needs, file)))
    return cst.Param(cst.Name(schema.identifier), annotation=annotation, default=default)


def not_a_name(schema: ParameterSchema) -> str:
    """How a tool of today takes a property that is no name in Python (run with livekit-agents 1.8.9)."""
    return f'`{schema.name}` is no name in Python: `{schema.identifier}: Annotated[…, Field(alias="{schema.name}")]`'
