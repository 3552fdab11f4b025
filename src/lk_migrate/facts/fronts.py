"""Agents that are only the front of an object of the project's own, which has the prompt and the tools.

    class DeskAgent(Agent):
        def __init__(self, desk):
            super().__init__(instructions=desk.prompt(), tools=[wrap(t) for t in desk.specs()])

The framework runs the front; the object behind it is no agent, and need not become one.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.classes import class_attributes, is_self_attribute, is_super_init, method, methods, self_name
from lk_migrate.facts.walk import find


def asked_by_front(node: cst.ClassDef) -> frozenset[str]:
    """What an `Agent` asks an argument of its constructor for its prompt, when its tools come from there, too."""
    init = method(node, "__init__")
    for call in find(init.body, cst.Call) if init is not None else ():
        given = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
        if init is None or not is_super_init(call) or not {"instructions", "tools"} <= given.keys():
            continue
        for param in (p.name.value for p in init.params.params[1:]):
            prompt = frozenset(_asked(given["instructions"], param))
            if prompt and any(name.value == param for name in find(given["tools"], cst.Name)):
                return prompt
    return frozenset()


def _asked(expression: cst.BaseExpression, param: str) -> Iterator[str]:
    """The attributes of `param` that are read in `expression`."""
    for node in find(expression, cst.Attribute):
        if isinstance(node.value, cst.Name) and node.value.value == param:
            yield node.attr.value


def has_member(node: cst.ClassDef, names: frozenset[str]) -> bool:
    """Whether the body of a class has one of these methods or attributes, `self.x = …` included."""
    if names & {m.name.value for m in methods(node)} or names & class_attributes(node).keys():
        return True
    targets = ((self_name(m), target.target) for m in methods(node) for target in find(m, cst.AssignTarget))
    return any(is_self_attribute(t, instance, name) for instance, t in targets for name in names)
