"""A keyword that a call is given under a condition: `**({"mcp_servers": servers} if servers else {})`."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.flows import text_key


def only_star_gives(call: cst.Call, key: str) -> bool:
    """Whether the call's only `**` brings nothing but `key`: what another one brings may be in the way of it."""
    stars = [arg for arg in call.args if arg.star == "**"]
    return len(stars) == 1 and given_in_place(stars[0], key) is not None


def given_in_place(arg: cst.Arg, key: str) -> cst.BaseExpression | None:
    """What this argument, which brings nothing else, gives the call for `key`: `… if … else None` where it may not.

    `servers if servers else None` is `servers`: both are nothing where the condition does not hold.
    """
    if arg.star != "**":
        return None
    value = arg.value
    if not isinstance(value, cst.IfExp):
        return _only(value, key)
    given = _only(value.body, key)
    if given is None or not isinstance(value.orelse, cst.Dict) or value.orelse.elements:
        return None
    if given.deep_equals(value.test):
        return given
    return value.with_changes(body=given, orelse=cst.Name("None"), lpar=[], rpar=[])


def _only(value: cst.BaseExpression, key: str) -> cst.BaseExpression | None:
    elements = value.elements if isinstance(value, cst.Dict) else ()
    if len(elements) != 1 or not isinstance(elements[0], cst.DictElement):
        return None
    return elements[0].value if text_key(elements[0].key) == key else None
