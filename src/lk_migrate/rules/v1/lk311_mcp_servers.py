"""`mcp_servers=[…]` of `AgentSession` and `Agent` becomes `tools=[mcp.MCPToolset(…)]`.

Passing MCP servers warns on the `livekit.agents` logger since 1.5.1. Each server becomes a toolset with an id of its
own, beside the tools that are there; `**({"mcp_servers": servers} if servers else {})` counts, too. `mcp` needs the
extra `livekit-agents[mcp]`, as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import calls_of, with_keyword
from lk_migrate.facts.framework import constructed
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.keywords_in_place import given_in_place, only_star_gives
from lk_migrate.facts.v0_names import AGENT_CLASSES
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import (
    Brackets,
    keyword,
    keyword_arg,
    of_call,
    of_display,
    shifted,
    to_call,
    to_display,
)
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import code, fitting, spot
from lk_migrate.rules.registry import Rule

rule = Rule("LK311", Edition.V1, __doc__, triggers=(b"mcp_servers", b"MCPServer"), since="1.5.1")
_TAKE_SERVERS = frozenset({"AgentSession", "Agent", "AgentTask"})
_ABSTRACT = frozenset({"livekit.agents.mcp.MCPServer", "livekit.agents.llm.mcp.MCPServer"})


@rule.on(cst.Call, among=with_keyword("mcp_servers"))
def toolsets(call: cst.Call, file: File) -> Iterator[Change]:
    """`mcp_servers=` where it reaches the framework's constructor."""
    made = constructed(file.project, file.module, call, "mcp_servers")
    # (half migrated: an agent of 0.x, which becomes the session (LK202), with an argument of today's)
    if made not in _TAKE_SERVERS and file.full_name(call.func) not in AGENT_CLASSES:
        return
    servers = next(a.value for a in call.args if keyword(a) == "mcp_servers")
    # (the import fails where the extra is not installed)
    mcp, where = "" if _is_nothing(servers) else file.use("livekit.agents.mcp"), spot(file, call)
    yield Rewrite(
        call, lambda updated: fitting(lambda c: _converted(c, mcp), updated, where), "`mcp_servers=` is now `tools=`"
    )


@rule.on(cst.Call)
def toolsets_perhaps(call: cst.Call, file: File) -> Iterator[Change]:
    """`**({"mcp_servers": servers} if servers else {})`."""
    if not only_star_gives(call, "mcp_servers"):
        return
    if constructed(file.project, file.module, call, "mcp_servers") not in _TAKE_SERVERS:
        return
    mcp, where = file.use("livekit.agents.mcp"), spot(file, call)
    yield Rewrite(
        call,
        lambda updated: fitting(lambda c: _converted(_with_keyword(c), mcp), updated, where),
        "`mcp_servers` is now `tools=`",
    )


def _with_keyword(call: cst.Call) -> cst.Call:
    """The call with `mcp_servers=` in the place of the dict that brought it."""
    args = [
        a
        if (given := given_in_place(a, "mcp_servers")) is None
        else keyword_arg("mcp_servers", given).with_changes(comma=a.comma, whitespace_after_arg=a.whitespace_after_arg)
        for a in call.args
    ]
    return call.with_changes(args=args)


@rule.on(cst.Call, among=calls_of("MCPServer"))
def abstract(call: cst.Call, file: File) -> Iterator[Change]:
    """`mcp.MCPServer(url=…)`: the base class, which no version could make an object of."""
    if file.full_name(call.func) in _ABSTRACT:
        yield Todo(
            call,
            "`MCPServer` is abstract (a TypeError): `mcp.MCPServerHTTP(url=…, headers=…)`, or "
            "`mcp.MCPServerStdio(command=…, args=[…])`.",
        )


def _converted(call: cst.Call, mcp: str) -> cst.Call:
    brackets = of_call(call)
    at = next(i for i, a in enumerate(brackets.items) if keyword(a) == "mcp_servers")
    servers = brackets.items[at].value
    if _is_nothing(servers):
        return to_call(call, brackets.without_but_comments(at))
    new = _toolsets(servers, mcp)
    tools = next((i for i, a in enumerate(brackets.items) if keyword(a) == "tools"), None)
    if tools is None:
        return to_call(call, brackets.with_item(at, keyword_arg("tools", new)))
    old = brackets.items[tools]
    brackets = brackets.with_item(tools, old.with_changes(value=_joined(old.value, new)))
    return to_call(call, brackets.without_but_comments(at))


def _is_nothing(servers: cst.BaseExpression) -> bool:
    return dotted(servers) == "None" or (isinstance(servers, cst.List) and not servers.elements)


def _toolsets(servers: cst.BaseExpression, mcp: str) -> cst.BaseExpression:
    """A list of toolsets in the layout of the list of servers; a comprehension for a list held elsewhere."""
    if isinstance(servers, cst.List) and all(isinstance(e, cst.Element) for e in servers.elements):
        brackets = of_display(servers)
        ids: list[str] = []
        for i, element in enumerate(brackets.items):
            ids.append(_id(element.value, i, len(brackets.items), ids))
            value = _toolset(element.value, f'"{ids[-1]}"', mcp, _own_line(brackets, i))
            brackets = brackets.with_item(i, element.with_changes(value=value))
        result: cst.BaseExpression = to_display(servers, brackets)
        return result
    if isinstance(servers, cst.IfExp):
        return servers.with_changes(body=_toolsets(servers.body, mcp), orelse=_toolsets(servers.orelse, mcp))
    if dotted(servers) == "None":
        return cst.List([])
    held = code(servers) if isinstance(servers, (cst.Name, cst.Attribute, cst.List)) else f"({code(servers)})"
    text = f'[{mcp}.MCPToolset(id=f"mcp_{{i}}", mcp_server=s) for i, s in enumerate({held} or [])]'
    return cst.parse_expression(text)


def _own_line(brackets: Brackets, i: int) -> bool:
    return isinstance(brackets.gaps[i], cst.ParenthesizedWhitespace)


def _toolset(server: cst.BaseExpression, name: str, mcp: str, own_line: bool) -> cst.BaseExpression:
    text = code(server)
    if own_line and "\n" in text:
        gap = server.whitespace_before_args if isinstance(server, cst.Call) else None
        if isinstance(gap, cst.ParenthesizedWhitespace):
            inner = gap.last_line.value
            body = code(shifted(server, 4))
            return cst.parse_expression(
                f"{mcp}.MCPToolset(\n{inner}id={name},\n{inner}mcp_server={body},\n{inner[:-4]})"
            )
    return cst.parse_expression(f"{mcp}.MCPToolset(id={name}, mcp_server={text})")


def _id(server: cst.BaseExpression, i: int, count: int, taken: list[str]) -> str:
    """A name for the toolset: the variable's, else `mcp`."""
    name = (dotted(server) or "").rpartition(".")[2].strip("_")
    base = re.sub(r"\W", "_", name) or ("mcp" if count == 1 else f"mcp_{i + 1}")
    return base if base not in taken else f"{base}_{i + 1}"


def _lazy(new: cst.BaseExpression) -> cst.BaseExpression:
    """A list comprehension as a generator, to be spread; anything else in brackets."""
    if not isinstance(new, cst.ListComp):
        return cst.parse_expression(f"({code(new)})")
    return cst.parse_expression(f"({code(new)[1:-1]})")


def _joined(tools: cst.BaseExpression, new: cst.BaseExpression) -> cst.BaseExpression:
    """The tools that are there, then the toolsets."""
    if dotted(tools) == "None":
        return new
    more = of_display(new).items if isinstance(new, cst.List) else (cst.StarredElement(_lazy(new)),)
    if isinstance(tools, cst.List):
        brackets = of_display(tools)
        for element in more:
            brackets = brackets.appended(element)
        result: cst.BaseExpression = to_display(tools, brackets)
        return result
    held = tools if isinstance(tools, (cst.Name, cst.Attribute, cst.Call)) else cst.parse_expression(f"({code(tools)})")
    optional = cst.parse_expression(f"({code(held)} or [])") if isinstance(tools, cst.Name) else held
    elements = [cst.StarredElement(optional), *more]
    spaced = [e.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))) for e in elements[:-1]]
    return cst.List([*spaced, elements[-1]])
