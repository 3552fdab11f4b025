"""A tool says in its docstring what it does and what its parameters mean.

The model chooses tools by their descriptions, and `@function_tool` takes them from the docstring (its `Args:` section
describes the parameters). They come from where the legacy code had them: a JSON schema, the project's own decorator, a
comment above the method. Only where there is none of these, the tool's name is put into words, and the finding says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import assistant_files, tool_of
from lk_migrate.facts.tools import Declared, Tool
from lk_migrate.facts.walk import Index
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, is_text, with_docstring
from lk_migrate.rewrite.changes import Change, Note, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK113", Edition.HANDROLLED, __doc__, triggers=(b"def ",), paths=assistant_files)

#: A comment that is a heading or a switch, not a description.
_NO_PROSE = re.compile(
    r"^#\s*([-=*#~_]{3,}|TODO|FIXME|XXX|HACK|noqa|type:|pylint|lk-migrate|fmt:|!)|[-=*#~_]{4,}\s*$", re.I
)

#: What gates ask for; metrics have a `speech_id`, too, which another rule may have brought in.
_ASKED_OF_A_CONTEXT = re.compile(rb"""(?:ctx|context)(?:\.|\s*,\s*["'])speech_id""")


@rule.on(cst.FunctionDef)
def describe(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    found = tool_of(file.project, node)
    if found is None:
        return
    agent, tool = found
    block = block_of(node)
    if (block.body and is_text(block.body[0])) or not _is_ours(agent, tool):
        return
    summary, source = _summary(tool)
    indent, newline = _indent(file, node), file.module.tree.default_newline
    text = "\n".join([summary, *_args_section(tool, file.module.tree.default_indent)])
    yield Rewrite(
        node, lambda updated: with_docstring(updated, text, indent, newline), f"`{tool.name}`: described from {source}"
    )
    if source == "its name":
        yield Note(node, f"`{tool.name}` had no description anywhere; its name was put into words: say more if you can")


def _is_ours(agent: AgentClass, tool: Tool) -> bool:
    """Tools of an `Agent` keep their empty description, unless their class has a turn gate to convert, or a schema
    describes what only now becomes a tool.
    """
    if tool.declared is Declared.CONTEXT and agent.is_agent and tool.schema is not None and tool.schema.description:
        return True
    if tool.declared is Declared.FUNCTION_TOOL or (tool.declared is Declared.CONTEXT and agent.is_agent):
        return not tool.description and _ASKED_OF_A_CONTEXT.search(agent.module.data) is not None
    return True


def _summary(tool: Tool) -> tuple[str, str]:
    if tool.schema is not None and tool.schema.description:
        return tool.schema.description, "its JSON schema"
    if tool.description:
        return tool.description, "its decorator"
    comment = _comment(tool.node)
    if comment:
        return comment, "the comment above it"
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name.strip("_")).replace("_", " ").strip().lower()
    return f"{words[:1].upper()}{words[1:]}.", "its name"


def _comment(function: cst.FunctionDef) -> str:
    """The comment right above the method, if it is a sentence about it."""
    lines: list[str] = []
    for line in [*function.leading_lines, *function.lines_after_decorators]:
        if line.comment is None:
            lines = []
        else:
            lines.append(line.comment.value)
    if not lines or any(_NO_PROSE.search(line) for line in lines):
        return ""
    text = " ".join(line.lstrip("#").strip() for line in lines).strip()
    if len(text.split()) < 3:
        return ""
    return text[:1].upper() + text[1:] + ("" if text[-1] in ".!?…" else ".")


def _args_section(tool: Tool, step: str) -> list[str]:
    if tool.schema is None:
        return []
    own = {p.name.value for p in tool.parameters}
    if tool.bundle is not None and tool.schema is not None:
        own |= {p.name for p in tool.schema.parameters}
    lines = [
        f"{step}{p.name}: {p.description}"
        for p in tool.schema.parameters
        if p.description and (p.name in own or tool.node.params.star_kwarg is not None)
    ]
    return ["", "Args:", *lines] if lines else []


def _indent(file: File, node: cst.FunctionDef) -> str:
    index: Index = file.module.index
    depth = sum(isinstance(a, cst.IndentedBlock) for a in index.ancestors(node)) + 1
    block = node.body
    step = file.module.tree.default_indent
    if isinstance(block, cst.IndentedBlock) and block.indent is not None:
        return step * (depth - 1) + block.indent
    return step * depth
