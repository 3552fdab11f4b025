"""Reading one entry of a dictionary."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.literals import text_of


def item_read(node: cst.CSTNode, mapping: str) -> str | None:
    """The key, when `node` is `mapping["key"]` or `mapping.get("key"[, default])`."""
    if isinstance(node, cst.Subscript) and isinstance(node.value, cst.Name) and node.value.value == mapping:
        index = node.slice[0].slice
        value = index.value if isinstance(index, cst.Index) and len(node.slice) == 1 else None
        return text_of(value)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.func.attr.value == "get":
        on_it = isinstance(node.func.value, cst.Name) and node.func.value.value == mapping
        key = node.args[0].value if on_it and 0 < len(node.args) < 3 else None
        return text_of(key)
    return None
