"""Tools that are plain functions, listed for a model by hand, are pointed out.

An app without any assistant class keeps `TOOLS = [{"type": "function", …}]` beside a table of functions, or has a class
that talks to a voice model over a socket and runs the calls in an `if name == …` of its own. Which `Agent` they belong
to is for a person to say: the marker tells what to do. A class that is started as a session's agent, and whose tools no
rule could tell (`self.tools = [make_tool(x) for x in DEPARTMENTS]`), is pointed out, too.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agent_values import agent_classes, is_no_agent
from lk_migrate.facts.agents import assistant_files
from lk_migrate.facts.among import foreign
from lk_migrate.facts.gate_sessions import agents_of_session
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.schemas import tool_schemas
from lk_migrate.facts.sessions import is_session_type
from lk_migrate.facts.tools import any_function_tool
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK124",
    Edition.HANDROLLED,
    __doc__,
    triggers=(b'"function"', b"'function'", b"AgentSession"),
    safety=Safety.REVIEW,
)


@rule.on(cst.Dict)
def point_out(node: cst.Dict, file: File) -> Iterator[Change]:
    """`{"get_weather": get_weather}`, when the module describes the same names to a model."""
    if not node.elements or not _may_be_of_livekit(file):
        return
    functions: dict[str, cst.FunctionDef] = {}
    for item in node.elements:
        if not (isinstance(item, cst.DictElement) and isinstance(item.key, cst.SimpleString)):
            return
        symbol = file.resolve(item.value)
        if symbol is None or symbol.module is None or not isinstance(symbol.node, cst.FunctionDef):
            return
        if any_function_tool(file.project, symbol.module, symbol.node):
            return
        functions[str(string_value(item.key))] = symbol.node
    described = {
        schema.name
        for value in file.module.definitions.values()
        if isinstance(value, (cst.List, cst.BinaryOperation))
        for schema in tool_schemas(file.project, file.module, value)
    }
    if described & functions.keys():
        names = ", ".join(f"`{name}`" for name in functions)
        yield Todo(
            node,
            f"{names}: decorate with `@function_tool`, make async, and give them to `Agent(tools=[…])`; "
            "schemas and table are not needed then",
        )


def _may_be_of_livekit(file: File) -> bool:
    """Whether LiveKit is named in the file, or will be: an assistant there gets it as its base."""
    return b"livekit" in file.module.data or file.path in file.project.fact(assistant_files)


@rule.on(cst.Call, among=foreign)
def point_out_agent(call: cst.Call, file: File) -> Iterator[Change]:
    """`session.start(agent=Desk(…))`, where `Desk` is no `Agent` and will not be one."""
    if not is_session_type(file.project, file.module, call.func):
        return
    strays: dict[cst.CSTNode, list[tuple[cst.BaseExpression, str]]] = {}
    for value in agents_of_session(file.project, file.module, call):
        classes = (c for c in agent_classes(file.project, file.module, value) if c is not None)
        for node in dict.fromkeys(c for c in classes if is_no_agent(file.project, c)):
            strays.setdefault(file.statement(value), []).append((value, node.name.value))
    for found in strays.values():
        names = ", ".join(f"`{name}`" for _, name in found)
        yield Todo(
            found[0][0],
            f"{names}: no `Agent`, and what its tools are could not be told. Derive it from `Agent`, decorate each "
            "tool with `@function_tool`, and hand them and the prompt on: "
            "`super().__init__(instructions=…, tools=[…])`",
        )
