"""The model of tools that take an object of whatever keys is not asked for strict schemas.

LiveKit's `openai.LLM` sends strict schemas, and OpenAI refuses those that hold an open object, with an error for every
request. The schemas that a project wrote itself were not strict, nor were those of 0.x: `_strict_tool_schema=False`
keeps it so. Where the model is made out of sight, or takes no such argument, the tool gets a marker (LK114).
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import calls_of
from lk_migrate.facts.open_objects import open_objects
from lk_migrate.facts.project import Project
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword, with_keyword
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where models are made, if a tool takes an open object."""
    return project.paths_with([b"LLM"]) if project.fact(open_objects).can_be_told else frozenset()


rule = Rule("LK132", Edition.HANDROLLED, __doc__, triggers=(b"LLM",), paths=paths, safety=Safety.REVIEW)

_STRICT = "_strict_tool_schema"


@rule.on(cst.Call, among=calls_of("LLM"))
def be_lenient(call: cst.Call, file: File) -> Iterator[Change]:
    known = file.project.fact(open_objects)
    if call not in known.models or find_keyword(call, _STRICT) is not None:
        return
    tools = ", ".join(f"`{name}`" for name in known.tools)
    takes = "take" if len(known.tools) > 1 else "takes"
    yield Rewrite(
        call,
        lambda updated: with_keyword(updated, _STRICT, cst.Name("False")),
        f"{tools} {takes} an open object, which OpenAI refuses in a strict schema; describe it with a `TypedDict`, and "
        "this can go",
    )
