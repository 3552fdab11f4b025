"""Instructions that change after the constructor go through `update_instructions`.

`instructions` is a read-only property of `Agent`: `self.instructions = …` raises AttributeError. A subclass hands its
text to the base's `__init__`; a running session is told by `await agent.update_instructions(…)`. A class attribute that
the base's `__init__` always overwrote would now hide the property, so it goes.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import agent_of, assistant_files, find_agents
from lk_migrate.facts.classes import assigning, class_attributes, method, self_name
from lk_migrate.facts.constructors import init_parameter, lacks_init_call, passes_instructions, super_inits
from lk_migrate.facts.imports import bound_names
from lk_migrate.facts.instructions import Source
from lk_migrate.facts.project import Project
from lk_migrate.facts.renames import holders, is_shared, renames
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """Where instructions are set, of whatever object, and where assistants are."""
    return project.paths_with([b".instructions"]) | project.fact(assistant_files)


rule = Rule("LK117", Edition.HANDROLLED, __doc__, triggers=(b"instructions",), safety=Safety.REVIEW, paths=paths)


@rule.on(cst.Assign, cst.AugAssign, cst.AnnAssign)
def change_instructions(node: cst.Assign | cst.AugAssign | cst.AnnAssign, file: File) -> Iterator[Change]:
    target = node.targets[0].target if isinstance(node, cst.Assign) else node.target
    if not (isinstance(target, cst.Attribute) and target.attr.value == "instructions") or node.value is None:
        return
    if isinstance(node, cst.Assign) and len(node.targets) > 1:
        return
    function = file.enclosing(node, cst.FunctionDef)
    held = file.project.fact(holders).of(file.module, target.value)
    agents = [agent_of(file.project, c) for c in held.classes]
    if (
        not agents
        or any(a is None or _keeps_its_own(a, file.project) for a in agents)
        or _is_base_init(agents, function)
    ):
        return
    if not held.certain:
        yield Todo(node, "if this is an `Agent`, its instructions change by `await ….update_instructions(…)`")
        return
    call = _subclass_call(function, node, file)
    if call is not None:
        yield Remove(node, "handed to the base's `__init__`")
        yield Rewrite(call, lambda u: _with_keyword(u, node.value), "the instructions go to the base's `__init__`")
    elif function is not None and function.asynchronous is not None:
        yield Replace(
            node,
            lambda updated: _update_call(updated, file),
            "a change of the instructions is told to the session by `update_instructions`",
        )
    else:
        yield Rewrite(
            target,
            lambda updated: updated.with_changes(attr=updated.attr.with_changes(value="_instructions")),
            "`instructions` cannot be assigned on an `Agent`",
        )
        yield Todo(node, "call `await ….update_instructions(…)` here, or hand the text to the constructor")


def _keeps_its_own(agent: AgentClass | None, project: Project) -> bool:
    return agent is not None and "instructions" in project.fact(renames).get(agent.node, ())


def _is_base_init(agents: list[AgentClass | None], function: cst.FunctionDef | None) -> bool:
    """In the `__init__` of the class that gets the base, LK111 does this, unless a base gets a text there already."""
    own = [a for a in agents if a is not None and a.init is function]
    if any(map(lacks_init_call, own)):
        return True
    bases = [a.init for a in own if a.takes_base]
    return any(init is not None and not passes_instructions(init) for init in bases)


def _subclass_call(function: cst.FunctionDef | None, node: cst.CSTNode, file: File) -> cst.Call | None:
    """The call of the base's `__init__` that can take the instructions; None when it can't."""
    owner = file.enclosing(function, cst.ClassDef) if function is not None else None
    agent = agent_of(file.project, owner) if owner is not None else None
    if agent is None or function is None or function is not agent.init or passes_instructions(function):
        return None
    above = next((i for r in agent.chain if (i := method(r.node, "__init__")) is not None), None)
    calls = super_inits(function)
    line = file.parent(node)
    if len(calls) != 1 or file.parent(line or node) is not function.body:
        return None
    accepts = (agent.is_agent and not agent.chain) or init_parameter(above, "instructions") is not None
    if not accepts or isinstance(node, cst.AugAssign) or _positional_reaches(above, calls[0]):
        return None
    if sum(t.attr.value == "instructions" for t in _set_attributes(function)) > 1:
        return None  # set in steps
    instance = self_name(function)
    value = node.value  # type: ignore[attr-defined]
    local = bound_names(function) - {p.name.value for p in function.params.params}
    return None if {n.value for n in find(value, cst.Name)} & (local | {instance}) else calls[0]


def _set_attributes(function: cst.FunctionDef) -> Iterator[cst.Attribute]:
    for node in find(function, cst.AssignTarget, cst.AugAssign, cst.AnnAssign):
        assert isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign))
        if isinstance(node.target, cst.Attribute):
            yield node.target


def _positional_reaches(above: cst.FunctionDef | None, call: cst.Call) -> bool:
    """Whether the call hands something for `instructions` already, by position."""
    if any(a.star for a in call.args):
        return True
    names = [p.name.value for p in above.params.params[1:]] if above is not None else []
    given = sum(a.keyword is None for a in call.args)
    return "instructions" in names[:given]


def _with_keyword(updated: cst.Call, value: cst.BaseExpression | None) -> cst.Call:
    assert value is not None
    new = cst.Arg(
        keyword=cst.Name("instructions"),
        value=value,
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )
    args = list(updated.args)
    if args and args[-1].comma is cst.MaybeSentinel.DEFAULT:
        args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
    return updated.with_changes(args=[*args, new])


def _update_call(updated: cst.Assign | cst.AugAssign | cst.AnnAssign, file: File) -> cst.Expr:
    target = updated.targets[0].target if isinstance(updated, cst.Assign) else updated.target
    assert isinstance(target, cst.Attribute) and updated.value is not None
    value = updated.value
    if isinstance(updated, cst.AugAssign):
        bracketed = value if value.lpar else value.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        simple = isinstance(value, (cst.SimpleString, cst.FormattedString, cst.Name, cst.Call))
        value = cst.BinaryOperation(target, cst.Add(), value if simple else bracketed)
    call = cst.Call(target.with_changes(attr=cst.Name("update_instructions")), [cst.Arg(value)])
    return cst.Expr(cst.Await(call), semicolon=updated.semicolon)


@rule.on(cst.ClassDef)
def drop_overwritten_attribute(node: cst.ClassDef, file: File) -> Iterator[Change]:
    """`instructions = "…"` in a class whose base's `__init__` sets it anyway."""
    agent = agent_of(file.project, node)
    if agent is None or agent.is_agent or "instructions" not in class_attributes(node):
        return
    if "instructions" in file.project.fact(renames).get(node, ()):
        return
    if agent.takes_base and agent.instructions.source is Source.CLASS_ATTRIBUTE:
        return
    line, _ = class_attributes(node)["instructions"]
    if _asked_of_class(agent, file.project):
        yield Todo(line, f"`{agent.name}.instructions` hides the property of `Agent`: give the text another name")
        return
    statement = assigning(line, "instructions")
    yield Remove(statement, "`__init__` always overwrote it, and it would hide the property of `Agent`")


def _asked_of_class(agent: AgentClass, project: Project) -> bool:
    """Whether somebody reads the text off the class itself."""
    asked = f"{agent.name}.instructions".encode()
    if any(asked in data or b"cls.instructions" in data for data in project.files.values()):
        return True
    above = [a for a in find_agents(project) if a.ref in agent.chain]
    return any(is_shared(a) and a.instructions.source is Source.CLASS_ATTRIBUTE for a in above)
