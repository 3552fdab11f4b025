"""A dictionary of arguments taken apart: `args["day"]` and `args.get("day", "today")` read the parameter `day`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import libcst as cst

from lk_migrate.facts.imports import bound_names, dotted
from lk_migrate.facts.items import item_read
from lk_migrate.facts.scopes import occurrences
from lk_migrate.facts.walk import descendants, find
from lk_migrate.rewrite.blocks import close_gaps, gap

_CONSTANTS = (cst.SimpleString, cst.Integer, cst.Float)


def defaults_of(body: cst.CSTNode, mapping: str, keys: Collection[str]) -> dict[str, cst.BaseExpression] | None:
    """The default that the body has for each key, when the parameters `keys` can take the dictionary's place.

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
        if key not in keys:
            return None
        if isinstance(node, cst.Call) and len(node.args) == 2:
            default = node.args[1].value
            if not _is_constant(default) or (key in found and not found[key].deep_equals(default)):
                return None
            found[key] = default
    targets = [t.target for t in find(body, cst.AssignTarget)] + [d.target for d in find(body, cst.Del)]
    written = any(item_read(t, mapping) is not None for t in targets)
    return None if uses or written or _shadowed(body, mapping, keys) else found


def _is_constant(node: cst.BaseExpression) -> bool:
    return isinstance(node, _CONSTANTS) or (isinstance(node, cst.Name) and node.value in ("True", "False", "None"))


def _shadowed(body: cst.CSTNode, mapping: str, keys: Collection[str]) -> bool:
    """Whether a name of a parameter means something else in the body: `day = args["day"]` is the same thing."""
    bound = {n for n in keys if n in bound_names(body)}
    same = {key for a in find(body, cst.Assign) if (key := _own_name(a, mapping)) is not None}
    same |= {key for key in bound if _made_of_itself(body, mapping, key)}
    return bool(bound - same) or any(n.value in keys and n.value not in bound for n in find(body, cst.Name))


def _made_of_itself(body: cst.CSTNode, mapping: str, key: str) -> bool:
    """`day = parse(args["day"])`, bound nowhere else, and the entry read nowhere else."""
    assigns = [a for a in find(body, cst.Assign) if any(dotted(t.target) == key for t in a.targets)]
    if len(assigns) != 1 or sum(o.name == key and o.kind not in ("read", "quoted") for o in occurrences(body)) != 1:
        return False
    inside = {id(n) for n in descendants(assigns[0].value)}
    reads = [n for n in (*find(body, cst.Subscript), *find(body, cst.Call)) if item_read(n, mapping) == key]
    return bool(reads) and all(id(n) in inside for n in reads)


def _own_name(assign: cst.Assign, mapping: str) -> str | None:
    """`day` for `day = args["day"]`."""
    target = assign.targets[0].target if len(assign.targets) == 1 else None
    key = item_read(assign.value, mapping)
    return key if isinstance(target, cst.Name) and target.value == key else None


def with_parameters(body: Any, mapping: str) -> Any:
    """The body with parameters in place of the dictionary's items."""
    return body.visit(_Unpacked(mapping))


class _Unpacked(cst.CSTTransformer):
    def __init__(self, mapping: str) -> None:
        super().__init__()
        self.mapping = mapping

    def leave_Subscript(self, original_node: cst.Subscript, updated_node: cst.Subscript) -> cst.BaseExpression:
        key = item_read(original_node, self.mapping)
        return updated_node if key is None else cst.Name(key, lpar=updated_node.lpar, rpar=updated_node.rpar)

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        key = item_read(original_node, self.mapping)
        return updated_node if key is None else cst.Name(key, lpar=updated_node.lpar, rpar=updated_node.rpar)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine:
        """`day = args["day"]` says nothing any more; its comments stay."""
        small = original_node.body[0] if len(original_node.body) == 1 else None
        if not isinstance(small, cst.Assign) or _own_name(small, self.mapping) is None:
            return updated_node
        behind = original_node.trailing_whitespace.comment
        return gap([*updated_node.leading_lines, *([cst.EmptyLine(comment=behind)] if behind is not None else [])])

    def leave_IndentedBlock(self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock) -> Any:
        return close_gaps(updated_node)
