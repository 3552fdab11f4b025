"""The framework's own `Agent` put around an assistant by hand, and the list of tools that was made for it.

`Agent(instructions=assistant.instructions, tools=[…])` made an agent out of a plain object, which is an `Agent` now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass
from lk_migrate.facts.agent_values import PROMPTS
from lk_migrate.facts.agents import agent_of
from lk_migrate.facts.framework import AGENT
from lk_migrate.facts.gate_mentions import modules_with, name_mentions
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instructions import Source
from lk_migrate.facts.lineage import lineages, method
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.refusals import refuses
from lk_migrate.facts.renames import holders
from lk_migrate.facts.tools import FUNCTION_TOOL
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.facts.walk import descendants, find, own_scope

#: Calls with no effect but the value that they give.
_HARMLESS = frozenset(
    {
        *(
            "getattr",
            "hasattr",
            "items",
            "values",
            "keys",
            "get",
            "list",
            "dict",
            "callable",
            "startswith",
            "dir",
            "type",
        ),
        *("dir", "type", "getmembers", "signature", "getdoc", "iscoroutinefunction", "isfunction", "ismethod"),
    }
)
_LOGS = re.compile(r"\.(debug|info|warning|error|exception)$")


@dataclass(frozen=True)
class Wrapper:
    """`call` wraps `assistant`. `foreign`: it gets tools that are not the assistant's; `certain`: nothing else is it.

    `fills`: the statements that make its list of tools, which nothing else reads; `only_fills`: they do no more.
    `helpers`: the definitions of the module that only these statements needed. `shortcut`: the statement that gave an
    assistant back which was an agent already; now all are. `either`: `if … else` that did so with a variable.
    """

    module: Module
    call: cst.Call
    assistant: cst.BaseExpression
    foreign: bool
    certain: bool
    fills: tuple[cst.CSTNode, ...] = ()
    only_fills: bool = False
    helpers: tuple[cst.CSTNode, ...] = ()
    shortcut: cst.If | None = None
    either: cst.If | None = None

    @property
    def goes(self) -> bool:
        """Whether the assistant can take the wrapper's place."""
        return self.certain and not self.foreign


def wrappers(project: Project) -> dict[cst.Call, Wrapper]:
    """Every wrapper by its call. Memoise with `project.fact(wrappers)`."""
    found: dict[cst.Call, Wrapper] = {}
    speaking = project.paths_with([b"Agent"]) & project.paths_with([b"instructions"])
    for path in sorted(speaking & project.fact(where_livekit_is_imported)):
        module = project.module(path)
        for call in module.keywords.get("instructions", ()) if module is not None else ():
            wrapper = _wrapper(project, module, call) if module is not None else None
            if wrapper is not None:
                found[call] = wrapper
    return found


def superfluous(project: Project) -> frozenset[cst.CSTNode]:
    """The statements that only made the tools of wrappers that go."""
    return frozenset(s for w in project.fact(wrappers).values() if w.goes and w.only_fills for s in w.fills)


def collectors(project: Project) -> frozenset[cst.CSTNode]:
    """Methods and functions that only listed an assistant's tools for wrappers that go."""
    found = [w for w in project.fact(wrappers).values() if w.goes]
    gone = {n for w in found for part in (w.call, *(w.fills if w.only_fills else ())) for n in descendants(part)}
    asked = {f for w in found for call in _asking(w) for f in _asked(project, w, call)}
    asked -= {helper for w in found for helper in w.helpers}
    return frozenset(f for f in asked if not f.decorators and not _asked_elsewhere(project, f, gone))


def _asking(wrapper: Wrapper) -> Iterator[cst.Call]:
    """The calls in what gave the wrapper its tools."""
    tools = [a.value for a in wrapper.call.args if a.keyword is not None and a.keyword.value == "tools"]
    for part in (*tools, *(wrapper.fills if wrapper.only_fills else ())):
        yield from find(part, cst.Call)


def _asked(project: Project, wrapper: Wrapper, call: cst.Call) -> Iterator[cst.FunctionDef]:
    """The method of the assistant that a call asks, or the function beside the wrapper."""
    if isinstance(call.func, cst.Attribute):
        for cls in project.fact(holders).unchecked(wrapper.module, wrapper.assistant).classes:
            known = method(project.fact(lineages).of(cls), call.func.attr.value)
            if known is not None:
                yield known[1]
    elif isinstance(call.func, cst.Name) and not wrapper.module.is_local(call.func.value, call):
        function = wrapper.module.definitions.get(call.func.value)
        if isinstance(function, cst.FunctionDef):
            yield function


def only_lists(project: Project, module: Module, function: cst.FunctionDef) -> bool:
    """Whether a method that gives tools does nothing else: it makes functions around them, and a list of these."""
    own = list(module.index.own_scope(function))
    names = frozenset(t.target.value for t in own if isinstance(t, cst.AssignTarget) and isinstance(t.target, cst.Name))
    return function.asynchronous is None and not any(_works(project, module, n, names) for n in own)


def _asked_elsewhere(project: Project, function: cst.FunctionDef, gone: set[cst.CSTNode]) -> bool:
    name = function.name.value
    inside = set(descendants(function))
    for module in modules_with(project, name):
        named: list[cst.CSTNode] = [n for n in module.index.of(cst.Attribute) if n.attr.value == name]
        named += [n for n in module.names.get(name, ()) if not module.index.is_attribute(n)]
        if module.strings.get(name) or any(n not in gone and n not in inside for n in named):
            return True
    return False


def _wrapper(project: Project, module: Module, call: cst.Call) -> Wrapper | None:
    given = {a.keyword.value: a.value for a in call.args if a.keyword is not None}
    prompt = given.get("instructions")
    asked = prompt.func if isinstance(prompt, cst.Call) and not prompt.args else prompt
    if not isinstance(asked, cst.Attribute) or (asked is prompt and asked.attr.value not in PROMPTS):
        return None
    if project.full_name(module, call.func) not in AGENT:
        return None
    # whatever an `isinstance(…, Agent)` around it says: a class that becomes an Agent now was none there
    held = project.fact(holders).unchecked(module, asked.value)
    agents = [agent_of(project, c) for c in held.classes]
    if not agents or any(a is None for a in agents):
        return None
    if asked is not prompt and not all(_is_prompt_of(project, a, asked.attr.value) for a in agents if a is not None):
        return None
    inner, tools = asked.value, given.get("tools")
    foreign = tools is not None and not _are_its_own(project, module, tools, module.tree.code_for_node(inner))
    certain = held.certain and not given.keys() - {"instructions", "tools"}
    fills: tuple[cst.CSTNode, ...] = ()
    only_fills = False
    if isinstance(tools, cst.Name):
        owner = binding_of(module, tools).owner
        fills = _fills(module, tools, owner)
        only_fills = all(_only_fills(project, module, s, tools.value) for s in fills)
        only_fills = only_fills and not _read_later(fills, owner, tools.value)
    helpers = tuple(_helpers(project, module, fills)) if only_fills else ()
    shortcut = _shortcut(project, module, call, inner, set(fills) if only_fills else set())
    either = _either(project, module, call, inner)
    return Wrapper(module, call, inner, foreign, certain, fills, only_fills, helpers, shortcut, either)


def _is_prompt_of(project: Project, agent: AgentClass, name: str) -> bool:
    """Whether the method of that name gives the assistant its prompt."""
    family = (agent, *(a for ref in agent.chain if (a := agent_of(project, ref.node)) is not None))
    return any(a.instructions.source is Source.METHOD and a.instructions.name == name for a in family)


def _shortcut(
    project: Project, module: Module, call: cst.Call, inner: cst.BaseExpression, gone: set[cst.CSTNode]
) -> cst.If | None:
    """`if isinstance(assistant, Agent): return assistant`, right above `return Agent(…)`."""
    line = module.index.parents.get(module.index.parents[call])
    block = module.index.parents.get(line) if isinstance(line, cst.SimpleStatementLine) else None
    if not isinstance(module.index.parents[call], cst.Return) or not isinstance(block, cst.IndentedBlock):
        return None
    above = [s for s in block.body[: list(block.body).index(line)] if s not in gone]  # type: ignore[arg-type]
    last = above[-1] if above else None
    if not isinstance(last, cst.If) or last.orelse is not None or not isinstance(last.test, cst.Call):
        return None
    spelled = module.tree.code_for_node(inner)
    asked = [module.tree.code_for_node(a.value) for a in last.test.args]
    is_agent = dotted(last.test.func) == "isinstance" and len(asked) == 2 and asked[0] == spelled
    known = is_agent and project.full_name(module, last.test.args[1].value) in AGENT
    return last if known and module.tree.code_for_node(last.body).strip() == f"return {spelled}" else None


def _either(project: Project, module: Module, call: cst.Call, inner: cst.BaseExpression) -> cst.If | None:
    """`if isinstance(assistant, Agent): agent = assistant`, `else: agent = Agent(…)`."""
    assign = module.index.parents[call]
    line = module.index.parents.get(assign)
    choice = module.index.enclosing(call, cst.If)
    other = choice.orelse if isinstance(choice, cst.If) else None
    if not isinstance(choice, cst.If) or not isinstance(other, cst.Else) or not isinstance(assign, cst.Assign):
        return None
    if isinstance(module.index.parents[choice], cst.If):
        return None  # an `elif`
    code = module.tree.code_for_node
    spelled, targets = code(inner), "".join(map(code, assign.targets))
    alone = isinstance(line, cst.SimpleStatementLine) and list(other.body.body) == [line] and len(line.body) == 1
    taken = [small for line in choice.body.body for small in getattr(line, "body", [line])]
    if not alone or list(map(code, taken)) != [f"{targets}{spelled}"] or not isinstance(choice.test, cst.Call):
        return None
    asked = [a.value for a in choice.test.args]
    is_agent = dotted(choice.test.func) == "isinstance" and len(asked) == 2 and code(asked[0]) == spelled
    return choice if is_agent and project.full_name(module, asked[1]) in AGENT else None


def logs(function: cst.FunctionDef) -> bool:
    """Whether a function writes to a log."""
    return any(_LOGS.search(dotted(c.func) or "") for c in find(function, cst.Call))


def _fills(module: Module, tools: cst.Name, owner: cst.CSTNode) -> tuple[cst.CSTNode, ...]:
    """The statements that make the list; none when something else reads it, too."""
    statements: list[cst.CSTNode] = []
    wrapping = _statement_in(owner, tools, module)
    for use in uses(module, binding_of(module, tools)):
        statement = _statement_in(owner, use, module)
        if use is tools or statement in statements:
            continue
        if statement is None or statement is wrapping:
            return ()
        statements.append(statement)
    return tuple(statements)


def _helpers(project: Project, module: Module, fills: Sequence[cst.CSTNode]) -> list[cst.CSTNode]:
    """The functions and constants of the module that nothing but the statements mentions, directly or not."""
    found: list[cst.CSTNode] = []
    gone = {n for s in fills for n in descendants(s)}
    pending = list(gone)
    while pending:
        node = pending.pop()
        name = node.value if isinstance(node, cst.Name) else ""
        definition = module.definitions.get(name)
        if definition is None or definition in gone:
            continue
        statement = module.index.top_level(definition)
        inside = set(descendants(statement))
        plain = isinstance(definition, (cst.FunctionDef, cst.Dict, cst.List, cst.Set))
        if plain and not any(name_mentions(project, gone, module, name, inside)):
            found.append(statement)
            gone |= inside
            pending.extend(inside)
    return found


def _statement_in(owner: cst.CSTNode, node: cst.CSTNode, module: Module) -> cst.CSTNode | None:
    """The statement directly in the body of `owner` that holds `node`."""
    body = getattr(owner, "body", None)
    block = body.body if isinstance(body, cst.IndentedBlock) else body
    chain = [node, *module.index.ancestors(node)]
    return next((n for n in chain if isinstance(block, Sequence) and n in block), None)


def _only_fills(project: Project, module: Module, statement: cst.CSTNode, name: str) -> bool:
    """Whether a statement does nothing but make or fill the list `name`, and the functions in it only log."""
    own = [n for n in descendants(statement) if not _is_nested(module, n, statement)]
    if any(isinstance(n, (cst.Return, cst.Yield)) for n in own):
        return False
    return not any(_works(project, module, n, frozenset({name})) for n in own)


def _works(project: Project, module: Module, node: cst.CSTNode, lists: frozenset[str]) -> bool:
    """Whether a node does more than fill one of these lists, or define a function that only logs."""
    if isinstance(node, (cst.Await, cst.AugAssign, cst.Raise, cst.With, cst.Try, cst.Del)):
        return True
    if isinstance(node, cst.AssignTarget):
        return not isinstance(node.target, cst.Name)
    if isinstance(node, cst.FunctionDef):
        return not _only_wraps(node)
    if not isinstance(node, cst.Call):
        return False
    filled, _, how = (dotted(node.func) or "").rpartition(".")
    if (how in ("append", "extend") and filled in lists) or how in _HARMLESS:
        return False
    return not _makes_tool(project, module, node)


def _is_nested(module: Module, node: cst.CSTNode, statement: cst.CSTNode) -> bool:
    """Whether a function that stands in the statement holds the node."""
    for ancestor in module.index.ancestors(node):
        if ancestor is statement:
            return False
        if isinstance(ancestor, cst.FunctionDef):
            return True
    return False


def _makes_tool(project: Project, module: Module, call: cst.Call) -> bool:
    if project.full_name(module, call.func) in FUNCTION_TOOL:
        return True
    made_here = module.index.enclosing(call, cst.FunctionDef)
    for nested in own_scope(made_here) if made_here is not None else ():
        if isinstance(nested, cst.FunctionDef) and nested.name.value == dotted(call.func):
            return _only_wraps(nested)
    symbol = project.resolve(module, call.func)
    function = symbol.node if symbol is not None else None
    if not isinstance(function, cst.FunctionDef) or symbol is None or symbol.module is None:
        return False
    made = (symbol.module, function) if _only_wraps(function) else None
    return made is not None and any(
        project.full_name(symbol.module, c.func) in FUNCTION_TOOL for c in find(function, cst.Call)
    )


def _only_wraps(function: cst.FunctionDef) -> bool:
    """Whether a function changes nothing outside of it, refuses nothing by itself, and says nothing but to a log."""
    if any(refuses(f, s) for f in (function, *find(function.body, cst.FunctionDef)) for s in _own_ifs(f)):
        return False
    if any(True for _ in find(function, cst.Global, cst.Nonlocal, cst.AugAssign, cst.Del, cst.Yield)):
        return False
    if any(not isinstance(t.target, cst.Name) for t in find(function, cst.AssignTarget)):
        return False
    said = (e.value for e in find(function, cst.Expr) if not isinstance(e.value, cst.SimpleString))
    return all(isinstance(v, cst.Call) and _LOGS.search(dotted(v.func) or "") is not None for v in said)


def _own_ifs(function: cst.FunctionDef) -> Iterator[cst.If]:
    return (n for n in own_scope(function) if isinstance(n, cst.If))


def _read_later(statements: Sequence[cst.CSTNode], owner: cst.CSTNode, name: str) -> bool:
    """Whether anything else reads a variable that the statements bind."""
    inside = {id(n) for s in statements for n in find(s, cst.Name)}
    bound = {t.target.value for s in statements for t in find(s, cst.AssignTarget) if isinstance(t.target, cst.Name)}
    bound |= {n.value for s in statements for loop in find(s, cst.For) for n in find(loop.target, cst.Name)}
    return any(n.value in bound - {name} and id(n) not in inside for n in find(owner, cst.Name))


def _are_its_own(project: Project, module: Module, tools: cst.BaseExpression, assistant: str) -> bool:
    """Whether an expression takes its tools from the assistant: from an attribute, or a function that asks it."""
    whole = module.index.enclosing(tools, cst.FunctionDef) if isinstance(tools, cst.Name) else None
    given = (
        {id(n) for n in find(module.index.enclosing(tools, cst.Call) or tools, cst.Name)}
        if whole is not None
        else set()
    )
    for node in find(whole or tools, cst.Name):
        if id(node) in given or isinstance(module.index.parents.get(node), cst.Param):
            continue
        if node.value != assistant.partition(".")[0]:
            continue
        outer: cst.CSTNode = node
        while module.tree.code_for_node(outer) != assistant and isinstance(
            parent := module.index.parents.get(outer), cst.Attribute
        ):
            outer = parent
        parent = module.index.parents.get(outer)
        if not isinstance(parent, cst.Arg):
            return True
        call = module.index.parents.get(parent)
        if isinstance(call, cst.Call) and _looks_into(project, module, call, list(call.args).index(parent)):
            return True
    return False


def _looks_into(project: Project, module: Module, call: cst.Call, position: int) -> bool:
    """Whether the function that is called asks its argument for anything; one of a library may."""
    symbol = project.resolve(module, call.func)
    function = symbol.node if symbol is not None else None
    if not isinstance(function, cst.FunctionDef) or position >= len(function.params.params):
        return True
    name = function.params.params[position].name.value
    return any(n.value == name and n is not function.params.params[position].name for n in find(function, cst.Name))
