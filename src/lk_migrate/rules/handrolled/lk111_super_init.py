"""`__init__` calls `super().__init__(instructions=…)`, with the prompt that the class had.

`Agent.__init__` must run: without it the class has no tools (AttributeError: `_tools`), and `instructions` is required
and keyword-only. The prompt comes from where the legacy class had it: a parameter, `self.instructions = …`, a class
attribute, a method, a constant. The call comes first; where the prompt needs state, right after that state.
`instructions` is a read-only property of `Agent`, so an assignment to it becomes the call; reading `self.instructions`
goes on working.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agents import agent_of, assistant_files
from lk_migrate.facts.classes import is_self_attribute, method, self_name
from lk_migrate.facts.collisions import renamed
from lk_migrate.facts.constructors import (
    Passing,
    init_parameter,
    is_super_init,
    lacks_init_call,
    mixin_passing,
    passes_instructions,
    super_inits,
)
from lk_migrate.facts.imports import bound_names
from lk_migrate.facts.instructions import Instructions, Source
from lk_migrate.facts.project import Project
from lk_migrate.facts.prompt_state import reads_state, set_too_late
from lk_migrate.facts.renames import is_shared
from lk_migrate.facts.walk import descendants, find
from lk_migrate.model import Edition
from lk_migrate.rewrite.bodies import block_of, docstring_end, insert, insert_first
from lk_migrate.rewrite.changes import Change, Remove, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK111", Edition.HANDROLLED, __doc__, triggers=(b"class ",), paths=assistant_files)


@rule.on(cst.ClassDef)
def call_super_init(node: cst.ClassDef, file: File) -> Iterator[Change]:
    agent = agent_of(file.project, node)
    if agent is None:
        return
    init = agent.init
    if agent.takes_base:
        call = BaseInit.of(agent, file)
        if init is None:
            yield from _new_init(file.project, agent, call)
        elif not passes_instructions(init):
            yield from _in_init(file.project, agent, init, call)
    elif init is not None and lacks_init_call(agent):
        yield from _in_init(file.project, agent, init, BaseInit.of(agent, file))
    above = next((a for r in agent.chain if (a := agent_of(file.project, r.node)) is not None and a.takes_base), None)
    late = set_too_late(file.project, agent, above) if above is not None else None
    if late is not None and above is not None:
        listed = ", ".join(f"`self.{name}`" for name in late[1])
        yield Todo(
            late[0],
            f"`{above.name}.__init__` hands what `{above.instructions.name}()` gives to `Agent`, and that reads "
            f"{listed}, which {'is' if len(late[1]) == 1 else 'are'} set below: set it above this call",
        )


@dataclass(frozen=True)
class BaseInit:
    """How the base's `__init__` is called: through `super()`, or by name past mixins that would not hand it on."""

    function: str
    first: tuple[str, ...] = ()

    @classmethod
    def of(cls, agent: AgentClass, file: File) -> BaseInit:
        if mixin_passing(agent) is Passing.DROPS:
            return cls(f"{file.use('livekit.agents.Agent')}.__init__", ("self",))
        return cls("super().__init__")

    @property
    def through_super(self) -> bool:
        return not self.first

    def call(self, instructions: cst.BaseExpression) -> cst.Call:
        spelt = ", ".join([*self.first, "instructions=x"])
        call = cst.ensure_type(cst.parse_expression(f"{self.function}({spelt})"), cst.Call)
        return call.with_changes(args=[*call.args[:-1], call.args[-1].with_changes(value=instructions)])

    def line(self, instructions: cst.BaseExpression) -> cst.SimpleStatementLine:
        return cst.SimpleStatementLine(body=[cst.Expr(self.call(instructions))])


def _in_init(project: Project, agent: AgentClass, init: cst.FunctionDef, base: BaseInit) -> Iterator[Change]:
    """The class has an `__init__`: put the call where the prompt is known."""
    prompt = agent.instructions
    message = f"`{agent.name}.__init__` hands {_where(prompt)} to `Agent`"
    existing = super_inits(init) if base.through_super else []
    stored = prompt.name == "instructions"
    statement = prompt.statement
    if prompt.source is Source.ATTRIBUTE and stored and statement is not None and prompt.expression is not None:
        if existing and prompt.early:
            yield _gone(
                statement,
                prompt,
                "`instructions` is handed to `super().__init__`, the property of `Agent` gives it back",
            )
            yield from _given(existing[0], prompt.expression, message)
            return
        yield from _called_below(agent, existing)
        yield Rewrite(statement, lambda u: _assignment_to_call(u, base), message)
        if prompt.early:
            yield Rewrite(init, _base_init_first, "the base's `__init__` is called first")
    elif prompt.source is Source.ASSIGNMENTS and stored:
        yield from _called_below(agent, existing)
        yield from _through_local(init, base, message)
    elif prompt.source in (Source.ATTRIBUTE, Source.ASSIGNMENTS) and not _is_parameter(prompt):
        yield from _called_below(agent, existing)
        value = cst.parse_expression(f"{self_name(init)}.{prompt.name}")
        instance, name = self_name(init), prompt.name
        yield Rewrite(init, _inserting(lambda t: is_self_attribute(t, instance, name), base.line(value)), message)
    else:
        yield from _with_expression(project, agent, init, base, existing, message)


def _called_below(agent: AgentClass, existing: list[cst.Call]) -> Iterator[Change]:
    """Calls of the base's `__init__` that come before the prompt is known."""
    for call in existing:
        small = agent.module.index.parents[call]
        yield Remove(small, "the base's `__init__` is called below, when the prompt is known")


def _with_expression(
    project: Project, agent: AgentClass, init: cst.FunctionDef, base: BaseInit, existing: list[cst.Call], message: str
) -> Iterator[Change]:
    """The prompt comes from outside the statements of `__init__`."""
    prompt = agent.instructions
    expression, early = _expression(project, agent, init)
    if prompt.source is Source.CLASS_ATTRIBUTE:
        yield from _class_attribute_gone(agent)
    if prompt.source is Source.MISSING:
        yield Todo(init, f"no prompt was found for `{agent.name}`: give it to the call of the base's `__init__` here")
    if existing and early:
        yield from _given(existing[0], expression, message)
    elif early:
        yield Rewrite(init, lambda u: insert_first(u, [base.line(expression)]), message)
    else:
        yield from _called_below(agent, existing)
        yield Rewrite(init, lambda u: insert(u, len(block_of(u).body), [base.line(expression)]), message)


def _expression(project: Project, agent: AgentClass, init: cst.FunctionDef | None) -> tuple[cst.BaseExpression, bool]:
    """What to hand on as `instructions`, and whether it may come first."""
    prompt = agent.instructions
    instance = (self_name(init) if init is not None else None) or "self"
    if prompt.source is Source.MISSING:
        return cst.SimpleString('""'), True
    if prompt.source is Source.METHOD:
        function = method(agent.node, prompt.name)
        name = renamed(prompt.name)
        is_property = function is not None and bool(function.decorators)
        spelt = f"{instance}.{name}" if is_property else f"{instance}.{name}()"
        return cst.parse_expression(spelt), function is not None and not reads_state(project, agent)
    if prompt.source is Source.CLASS_ATTRIBUTE:
        if is_shared(agent):
            return cst.parse_expression(f"{instance}.{renamed(prompt.name)}"), True
        assert prompt.expression is not None
        return prompt.expression, True
    expression = prompt.expression or cst.Name(prompt.name)
    param = init_parameter(init, prompt.name)
    if param is not None and param.default is not None and _is_none(param.default):
        expression = cst.parse_expression(f'{prompt.name} or ""')
    return expression, True


def _is_parameter(prompt: Instructions) -> bool:
    """`self.system_prompt = system_prompt`: the parameter can be handed on at once."""
    return prompt.source is Source.ATTRIBUTE and prompt.early and isinstance(prompt.expression, cst.Name)


def _is_none(node: cst.BaseExpression) -> bool:
    return isinstance(node, cst.Name) and node.value == "None"


def _class_attribute_gone(agent: AgentClass) -> Iterator[Change]:
    statement = agent.instructions.statement
    if statement is not None and not is_shared(agent):
        yield _gone(statement, agent.instructions, f"`{agent.instructions.name}` is handed to `super().__init__`")


def _gone(statement: cst.BaseSmallStatement, prompt: Instructions, message: str) -> Change:
    """The assignment of the prompt taken out; what else it assigns stays."""
    targets = statement.targets if isinstance(statement, cst.Assign) else ()
    others = {i for i, t in enumerate(targets) if _named(t.target) != prompt.name}
    if not others:
        return Remove(statement, message)
    return Rewrite(
        statement, lambda u: u.with_changes(targets=[t for i, t in enumerate(u.targets) if i in others]), message
    )


def _named(target: cst.BaseExpression) -> str:
    """The last name of `x` or `self.x`."""
    name = target.attr if isinstance(target, cst.Attribute) else target
    return name.value if isinstance(name, cst.Name) else ""


def _given(call: cst.Call, expression: cst.BaseExpression, message: str) -> Iterator[Change]:
    """`instructions=` added to a call of `super().__init__` that is there already."""
    new = cst.Arg(
        keyword=cst.Name("instructions"),
        value=expression,
        equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
    )

    def apply(updated: cst.Call) -> cst.Call:
        at = next((i for i, a in enumerate(updated.args) if a.star == "**"), len(updated.args))
        args = list(updated.args)
        if at < len(args):
            spaced = new.with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
            return updated.with_changes(args=[*args[:at], spaced, *args[at:]])
        if args and args[-1].comma is cst.MaybeSentinel.DEFAULT:
            args[-1] = args[-1].with_changes(comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")))
        return updated.with_changes(args=[*args, new])

    yield Rewrite(call, apply, message)


def _assignment_to_call(
    updated: cst.Assign | cst.AnnAssign, base: BaseInit
) -> cst.Expr | cst.FlattenSentinel[cst.BaseSmallStatement]:
    """`self.instructions = x` → `super().__init__(instructions=x)`; other targets of the assignment are kept."""
    if isinstance(updated, cst.AnnAssign) or len(updated.targets) == 1:
        assert updated.value is not None
        return cst.Expr(base.call(updated.value), semicolon=updated.semicolon)
    others = [t for t in updated.targets if not is_self_attribute(t.target, "self", "instructions")]
    kept = updated.with_changes(targets=others, semicolon=cst.Semicolon(whitespace_after=cst.SimpleWhitespace(" ")))
    return cst.FlattenSentinel([kept, cst.Expr(base.call(others[0].target), semicolon=updated.semicolon)])  # type: ignore[arg-type]


def _base_init_first(updated: cst.FunctionDef) -> cst.FunctionDef:
    """The statement that calls the base's `__init__` moved to the top; its comments go with it."""
    block = block_of(updated)
    start = docstring_end(block)
    for i, line in enumerate(block.body):
        if i > start and isinstance(line, cst.SimpleStatementLine) and _has_base_init(line):
            lifted = line.with_changes(leading_lines=[c for c in line.leading_lines if c.comment is not None])
            body = [*block.body[:start], lifted, *block.body[start:i], *block.body[i + 1 :]]
            return updated.with_changes(body=block.with_changes(body=body))
    return updated


def _has_base_init(line: cst.SimpleStatementLine) -> bool:
    small = line.body[0] if len(line.body) == 1 else None
    if not isinstance(small, cst.Expr) or not isinstance(small.value, cst.Call):
        return False
    func = small.value.func
    by_name = isinstance(func, cst.Attribute) and func.attr.value == "__init__"
    return is_super_init(small.value) or (by_name and any(a.keyword is not None for a in small.value.args))


def _inserting(
    is_prompt: Callable[[cst.BaseExpression], bool], line: cst.SimpleStatementLine
) -> Callable[[cst.FunctionDef], cst.FunctionDef]:
    """Insert after the last statement that assigns the prompt, at whatever depth; rules may have taken out others."""

    def apply(updated: cst.FunctionDef) -> cst.FunctionDef:
        body = block_of(updated).body
        return insert(updated, 1 + max((i for i, s in enumerate(body) if _assigns(s, is_prompt)), default=0), [line])

    return apply


def _assigns(statement: cst.CSTNode, is_prompt: Callable[[cst.BaseExpression], bool]) -> bool:
    kinds = (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)
    return any(isinstance(node, kinds) and is_prompt(node.target) for node in descendants(statement))


def _through_local(init: cst.FunctionDef, base: BaseInit, message: str) -> Iterator[Change]:
    """A prompt put together in steps: the steps work on a local name, then the base gets it."""
    instance = self_name(init)
    taken = (
        bound_names(init)
        - {p.name.value for p in init.params.params}
        - {p.name.value for p in init.params.kwonly_params}
    )
    local = "prompt" if "instructions" in taken else "instructions"
    for attribute in find(init, cst.Attribute):
        if is_self_attribute(attribute, instance, "instructions"):
            yield Rewrite(attribute, lambda u: cst.Name(local, lpar=u.lpar, rpar=u.rpar), message)

    def is_prompt(target: cst.BaseExpression) -> bool:
        return isinstance(target, cst.Name) and target.value == local

    yield Rewrite(init, _inserting(is_prompt, base.line(cst.Name(local))), message)


def _new_init(project: Project, agent: AgentClass, base: BaseInit) -> Iterator[Change]:
    """The class has no `__init__`: it gets one, after its attributes."""
    expression, _ = _expression(project, agent, None)
    passing = any(method(m.node, "__init__") is not None for m in agent.mixins)
    if passing:
        lines = [base.line(expression), cst.parse_statement("super().__init__(*args, **kwargs)")]
        if base.through_super:
            spelt = cst.ensure_type(cst.parse_expression("super().__init__(*args, instructions=x, **kwargs)"), cst.Call)
            args = [spelt.args[0], spelt.args[1].with_changes(value=expression), spelt.args[2]]
            lines = [cst.SimpleStatementLine(body=[cst.Expr(spelt.with_changes(args=args))])]
        header = "def __init__(self, *args, **kwargs) -> None:\n    pass\n"
    else:
        lines = [base.line(expression)]
        header = "def __init__(self) -> None:\n    pass\n"
    function = cst.ensure_type(cst.parse_statement(header), cst.FunctionDef)
    function = function.with_changes(body=cst.IndentedBlock(body=lines), leading_lines=[cst.EmptyLine(indent=False)])
    message = f"`{agent.name}` gets an `__init__` that hands {_where(agent.instructions)} to `Agent`"
    if agent.instructions.source is Source.CLASS_ATTRIBUTE:
        yield from _class_attribute_gone(agent)
    if agent.instructions.source is Source.MISSING:
        yield Todo(
            agent.node, f"no prompt was found for `{agent.name}`: give it to `super().__init__` in its `__init__`"
        )
    yield Rewrite(agent.node, lambda updated: _with_method(updated, function), message)


def _with_method(updated: cst.ClassDef, function: cst.FunctionDef) -> cst.ClassDef:
    """`function` before the first method, or at the end of a body without methods."""
    body = list(block_of(updated).body)
    while body and isinstance(body[-1], cst.SimpleStatementLine) and _only_passes(body[-1]):
        body.pop()
    at = next((i for i, s in enumerate(body) if isinstance(s, cst.FunctionDef)), len(body))
    if at == 0:
        function = function.with_changes(leading_lines=[])
        if body:
            body[0] = _with_blank_line(body[0])
    return updated.with_changes(body=block_of(updated).with_changes(body=[*body[:at], function, *body[at:]]))


def _with_blank_line(line: cst.BaseStatement) -> cst.BaseStatement:
    leading = list(getattr(line, "leading_lines", ()))
    if leading and leading[0].comment is None:
        return line
    return line.with_changes(leading_lines=[cst.EmptyLine(indent=False), *leading])


def _only_passes(line: cst.SimpleStatementLine) -> bool:
    return all(isinstance(small, cst.Pass) for small in line.body) and not line.leading_lines


def _where(prompt: Instructions) -> str:
    return {
        Source.ATTRIBUTE: f"`self.{prompt.name}`",
        Source.ASSIGNMENTS: f"`self.{prompt.name}`",
        Source.PARAMETER: f"its parameter `{prompt.name}`",
        Source.CLASS_ATTRIBUTE: f"the class attribute `{prompt.name}`",
        Source.METHOD: f"what `{prompt.name}()` gives",
        Source.CONSTANT: f"the constant `{prompt.name}`",
        Source.MISSING: "an empty prompt",
    }[prompt.source]
