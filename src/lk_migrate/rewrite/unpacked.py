"""A dictionary of arguments taken apart: `args["day"]` and `args.get("day", "today")` read the parameter `day`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import libcst as cst

from lk_migrate.facts.imports import bound_names, dotted
from lk_migrate.facts.items import item_read
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import descendants, find
from lk_migrate.rewrite.blocks import close_gaps, gap

_CONSTANTS = (cst.SimpleString, cst.Integer, cst.Float)


def defaults_of(body: cst.CSTNode, mapping: str, parameters: Mapping[str, str]) -> dict[str, cst.BaseExpression] | None:
    """The default that the body has for each key, when parameters can take the dictionary's place.

    `parameters`: key → what its parameter is called.
    None when the dictionary is used as a whole, written to, or has two defaults for one key.
    """
    uses = sum(n.value == mapping for n in find(body, cst.Name))
    found: dict[str, cst.BaseExpression] = {}
    reads = [*find(body, cst.Subscript), *find(body, cst.Call)]
    for node in reads:
        key = item_read(node, mapping)
        if key is None:
            continue
        uses -= 1
        if key not in parameters:
            return None
        if isinstance(node, cst.Call) and len(node.args) == 2:
            default = node.args[1].value
            if not _is_constant(default) or (key in found and not found[key].deep_equals(default)):
                return None
            found[key] = default
    targets = [t.target for t in find(body, cst.AssignTarget)] + [d.target for d in find(body, cst.Del)]
    written = any(item_read(t, mapping) is not None for t in targets)
    return None if uses or written or _shadowed(body, mapping, parameters) else found


def _is_constant(node: cst.BaseExpression) -> bool:
    return isinstance(node, _CONSTANTS) or (isinstance(node, cst.Name) and node.value in ("True", "False", "None"))


def _shadowed(body: cst.CSTNode, mapping: str, parameters: Mapping[str, str]) -> bool:
    """Whether a name of a parameter means something else in the body: `day = args["day"]` is the same thing."""
    names = frozenset(parameters.values())
    bound = names & bound_names(body)
    same = {parameters[key] for a in find(body, cst.Assign) if (key := _own_name(a, mapping, parameters)) is not None}
    same |= {name for key, name in parameters.items() if name in bound and _made_of_itself(body, mapping, key, name)}
    return bool(bound - same) or any(n.value in names and n.value not in bound for n in find(body, cst.Name))


def _made_of_itself(body: cst.CSTNode, mapping: str, key: str, name: str) -> bool:
    """`day = parse(args["day"])`, bound nowhere else, and the entry read nowhere else."""
    assigns = [a for a in find(body, cst.Assign) if any(dotted(t.target) == name for t in a.targets)]
    if len(assigns) != 1 or sum(o.name == name and o.kind not in ("read", "quoted") for o in occurrences(body)) != 1:
        return False
    inside = {id(n) for n in descendants(assigns[0].value)}
    reads = [n for n in (*find(body, cst.Subscript), *find(body, cst.Call)) if item_read(n, mapping) == key]
    return bool(reads) and all(id(n) in inside for n in reads)


def _own_name(assign: cst.Assign, mapping: str, parameters: Mapping[str, str]) -> str | None:
    """The key of `day = args["day"]`, `from_ = args["from"]`."""
    target = assign.targets[0].target if len(assign.targets) == 1 else None
    key = item_read(assign.value, mapping)
    own = key is not None and isinstance(target, cst.Name) and target.value == parameters.get(key)
    return key if own else None


def with_parameters(body: Any, mapping: str, parameters: Mapping[str, str]) -> Any:
    """The body with parameters in place of the dictionary's items (as `defaults_of` takes them)."""
    return body.visit(_Unpacked(mapping, parameters))


class _Unpacked(cst.CSTTransformer):
    def __init__(self, mapping: str, parameters: Mapping[str, str]) -> None:
        super().__init__()
        self.mapping = mapping
        self.parameters = parameters

    def _read(self, node: cst.Subscript | cst.Call, updated: cst.Subscript | cst.Call) -> cst.BaseExpression:
        key = item_read(node, self.mapping)
        return updated if key is None else cst.Name(self.parameters[key], lpar=updated.lpar, rpar=updated.rpar)

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:
        return self._read(original_node, updated_node)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        return self._read(original_node, updated_node)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """`day = args["day"]` says nothing any more; its comments stay."""
        small = original_node.body[0] if len(original_node.body) == 1 else None
        if not isinstance(small, cst.Assign) or _own_name(small, self.mapping, self.parameters) is None:
            return updated_node
        behind = original_node.trailing_whitespace.comment
        return gap([*updated_node.leading_lines, *([cst.EmptyLine(comment=behind)] if behind is not None else [])])

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> Any:
        return close_gaps(updated_node)
