"""Which attributes the method that gives a prompt reads, in the class that hands it to `Agent` and in those below it.

A base calls `super().__init__(instructions=self.prompt())`, and its subclasses say what `prompt()` is: the call must
come after all that any of them reads.
"""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.classes import class_attributes, is_self_attribute, method, methods, self_name
from lk_migrate.facts.constructors import super_inits
from lk_migrate.facts.instructions import Source
from lk_migrate.facts.lineage import Class, lineages
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find


def reads_state(project: Project, agent: AgentClass) -> bool:
    """Whether the prompt's method reads attributes of the instance, in the class itself or where it is overridden."""
    lines = project.fact(lineages).heirs(agent.node) or [(Class(agent.module, agent.node),)]
    return any(_read(line, agent.instructions.name) for line in lines)


def set_too_late(project: Project, agent: AgentClass, above: AgentClass) -> tuple[cst.Call, list[str]] | None:
    """The call of `super().__init__`, and what `agent` sets only after it, though the prompt that it gives reads that.

    `above`: the class in whose `__init__` the prompt is handed to `Agent`.
    """
    init = agent.init
    calls = super_inits(init) if init is not None else []
    if init is None or not calls or above.instructions.source is not Source.METHOD:
        return None
    line = project.fact(lineages).of(agent.node)
    below = line[: next((i for i, c in enumerate(line) if c.node is above.node), 0)]
    read = _read(line, above.instructions.name)
    if not read or not below:
        return None
    given = set().union(*(_set_in(i) for c in line[1:] if (i := method(c.node, "__init__")) is not None))
    above_call = {calls[0], *agent.module.index.ancestors(calls[0])}
    body = list(init.body.body)
    at = next((i for i, statement in enumerate(body) if statement in above_call), 0)
    first = set().union(*map(_set_in, body[:at]))
    late = sorted((read & _set_in(init)) - given - first)
    return (calls[0], late) if late else None


def _read(line: tuple[Class, ...], name: str) -> set[str]:
    """What the method `name` of the first class reads of its instance; what it calls of its own is followed."""
    fixed = {n for c in line for n in class_attributes(c.node)}
    found: set[str] = set()
    pending, seen = [name], {name}
    while pending:
        asked = pending.pop()
        function = next((f for c in line if (f := method(c.node, asked)) is not None), None)
        instance = self_name(function) if function is not None else None
        own = find(function.body, cst.Attribute) if function is not None else ()
        for read in (a.attr.value for a in own if is_self_attribute(a, instance)):
            if any(m.name.value == read for c in line for m in methods(c.node)):
                pending += [read] if read not in seen else []
                seen.add(read)
            elif read not in fixed:
                found.add(read)
    return found


def _set_in(node: cst.CSTNode) -> set[str]:
    """The names of the attributes that are assigned somewhere in `node`."""
    targets = [t.target for t in find(node, cst.AssignTarget)] + [a.target for a in find(node, cst.AnnAssign)]
    return {t.attr.value for t in targets if isinstance(t, cst.Attribute) and isinstance(t.value, cst.Name)}
