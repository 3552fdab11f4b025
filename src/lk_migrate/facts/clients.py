"""Whom a project's own model class asks: the client that its calls go through, and with which key and address.

A client is made in the class (`self.client = AsyncOpenAI(…)`), in a function that keeps it (`client()`), at the top of
the module, or handed in. What is handed in from elsewhere is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

_OPENAI = frozenset({"openai.OpenAI", "openai.AsyncOpenAI"})
#: What the plugins read by themselves, as the SDK does.
_READ_ANYWAY = {"api_key": "OPENAI_API_KEY", "base_url": "OPENAI_BASE_URL"}
_READS = re.compile(r"os\.(?:environ\[|environ\.get\(|getenv\()")


@dataclass(frozen=True)
class Address:
    """What the client is told beside its defaults: `given` by parameters of the class, or `fixed`."""

    given: dict[str, str]
    fixed: dict[str, cst.BaseExpression]


def openai_address(
    project: Project, module: Module, owner: cst.ClassDef, params: Collection[str], client: cst.CSTNode
) -> Address | None:
    """None when `client`, an expression in the class `owner`, is another provider's, or its address cannot be told.

    `params`: what the constructor of `owner` takes.
    """
    given: dict[str, str] = {}
    fixed: dict[str, cst.BaseExpression] = {}
    for where, call in _made(project, module, owner, client, 0):
        if project.full_name(where, call.func) not in _OPENAI or any(a.star == "**" for a in call.args):
            return None
        for arg in call.args:
            keyword = arg.keyword.value if arg.keyword is not None else ""
            if keyword not in _READ_ANYWAY or _is_default(keyword, arg.value):
                continue
            if dotted(arg.value) in params:
                given[keyword] = dotted(arg.value) or ""
            elif keyword == "api_key" and isinstance(arg.value, cst.SimpleString):
                continue  # (a key in the code is not written anywhere else: LK125)
            elif isinstance(arg.value, cst.SimpleString) or _READS.match(where.tree.code_for_node(arg.value)):
                fixed[keyword] = arg.value
            else:
                return None
    return Address(given, fixed)


def _is_default(keyword: str, value: cst.BaseExpression) -> bool:
    """`None`, `os.environ["OPENAI_API_KEY"]`, `os.getenv("OPENAI_BASE_URL") or None`."""
    said = {text_of(node) for node in find(value, cst.SimpleString)}
    return dotted(value) == "None" or (_READ_ANYWAY[keyword] in said and len(said - {""}) == 1)


def _made(
    project: Project, module: Module, owner: cst.CSTNode, expression: cst.CSTNode, depth: int
) -> Iterator[tuple[Module, cst.Call]]:
    """The calls that make what an expression stands for, those of a library only; with their modules."""
    if depth > 5:
        return
    further: list[cst.CSTNode] = []
    if isinstance(expression, cst.Call):
        symbol = project.resolve(module, expression.func)
        node = symbol.node if symbol is not None else None
        if isinstance(node, cst.FunctionDef) and symbol is not None and symbol.module is not None:
            module, owner = symbol.module, node
            further = [r.value for r in find(node.body, cst.Return) if r.value is not None]
        elif node is None:
            yield module, expression
    elif isinstance(expression, cst.BooleanOperation):
        further = [expression.left, expression.right]
    elif isinstance(expression, (cst.Name, cst.Attribute)):
        name = dotted(expression)
        inside = owner if isinstance(expression, cst.Attribute) else module.tree
        further = [a.value for a in find(inside, cst.Assign) for t in a.targets if dotted(t.target) == name]
    for each in further:
        yield from _made(project, module, owner, each, depth + 1)
