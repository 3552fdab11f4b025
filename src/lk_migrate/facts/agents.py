"""Assistant classes, found by what they do: a prompt, tools for a model, and a place in a voice session.

Pure: a function of the project's text. `project.fact(find_agents)` gives them once per project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

import libcst as cst

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.classes import ClassRef, ClassTable, class_table, method, methods
from lk_migrate.facts.collisions import collisions_of
from lk_migrate.facts.framework import AGENT
from lk_migrate.facts.fronts import asked_by_front, has_member
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.instructions import Source, instructions_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.relevant import may_hold_agents
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.tools import (
    ClassTools,
    Declared,
    InlineTool,
    Tool,
    class_tools,
    make_tool,
    resolve_tools,
    standalone_tool,
    standalone_tool_files,
)

#: A file in which one of these stands uses LiveKit; the project may hand its session on under a module of its own.
_USING = (b"livekit", b"AgentSession")
_USES = re.compile(rb"^[^#\n]*(?:%s)" % b"|".join(_USING), re.M)  # (a marker only speaks of it)
#: Bases that say that a class is something else, whatever its methods look like.
_OTHER_KINDS = re.compile(
    r"(^|\.)(BaseModel|BaseSettings|Enum|IntEnum|StrEnum|Protocol|TypedDict|NamedTuple|TestCase|"
    r"IsolatedAsyncioTestCase|BaseTool|StructuredTool|FunctionContext|Toolset|Exception|APIView|Thread|"
    r"DeclarativeBase|Model|STT|TTS|LLM|VAD)$"
)
#: Bases that mind nothing beside them.
_NEUTRAL = frozenset({"object", "ABC", "abc.ABC", "Generic", "typing.Generic"})
_VOICE_NAME = re.compile(r"assistant|agent|bot|desk|receptionist|concierge|operator|secretary", re.IGNORECASE)
#: The evidence that a class without a LiveKit base must add up to.
_ENOUGH = 4


def find_agents(project: Project) -> tuple[AgentClass, ...]:
    """Every assistant class of the project with its bases and mixins, by path and line."""
    return project.fact(_Finder).agents


def blocked_agents(project: Project) -> dict[cst.ClassDef, str]:
    """Assistant classes that no rule can make an `Agent`, and why."""
    return project.fact(_Finder).blocked


def agent_of(project: Project, node: cst.ClassDef) -> AgentClass | None:
    """What `find_agents` knows about a class."""
    return project.fact(_by_node).get(node)


def _by_node(project: Project) -> dict[cst.ClassDef, AgentClass]:
    return {a.node: a for a in find_agents(project)}


def tool_of(project: Project, function: cst.FunctionDef) -> tuple[AgentClass, Tool] | None:
    """The tool that a method is, and the class that it stands in."""
    return project.fact(_tools_by_node).get(function)


def any_tool(project: Project, module: Module, function: cst.FunctionDef) -> Tool | None:
    """The tool that a function is: a method of an assistant, or any function decorated with `@function_tool`."""
    found = tool_of(project, function)
    return found[1] if found is not None else standalone_tool(project, module, function)


def tool_files(project: Project) -> frozenset[str]:
    """The files that hold methods of assistants which are tools."""
    return frozenset(tool.module.path for _, tool in project.fact(_tools_by_node).values())


def assistant_files(project: Project) -> frozenset[str]:
    """The files that hold assistants, their bases and mixins, and assistants that no rule can make an `Agent`."""
    found = project.fact(_Finder)
    blocked = (found.table.refs[node].module for node in found.blocked)
    return frozenset(m.path for m in (*(a.module for a in found.agents), *blocked))


def any_tool_files(project: Project) -> frozenset[str]:
    """The files that `any_tool` has to be asked about."""
    return project.fact(assistant_files) | project.fact(standalone_tool_files)


def _tools_by_node(project: Project) -> dict[cst.FunctionDef, tuple[AgentClass, Tool]]:
    return {t.node: (a, t) for a in find_agents(project) for t in a.tools}


def agent_classes(table: ClassTable) -> Iterator[ClassRef]:
    """The classes that derive from livekit's `Agent`, through whatever chain."""
    return (ref for ref in table.refs.values() if table.library_bases(ref) & AGENT)


class _Finder:
    """The search, in the order of its questions; a class only so that its steps share the table."""

    def __init__(self, project: Project) -> None:
        self.project = project
        seeds = (p for p, data in project.files.items() if b"class " in data and may_hold_agents(data))
        self.table = class_table(project, (p for p in seeds if not is_test(p)))
        self.own: dict[cst.ClassDef, ClassTools] = {}
        self._places: dict[cst.ClassDef, tuple[str, ...]] = {}
        self.using = {path for path in project.paths_with(_USING) if _USES.search(project.files[path])}
        self.livekit = {ref.node for ref in agent_classes(self.table)}
        self.asked_by_fronts = frozenset().union(*map(asked_by_front, self.livekit))
        plain = [ref for ref in self.table.refs.values() if ref.node not in self.livekit]
        self.blocked: dict[cst.ClassDef, str] = {}
        found = self._found(plain)
        self.agents = tuple(sorted(self._classes(self.livekit, found), key=lambda a: (a.module.path, _order(a))))

    def _found(self, plain: list[ClassRef]) -> dict[cst.ClassDef, tuple[str, ...]]:
        """The assistants among `plain` with the evidence. One brings LiveKit into its file, which speaks for others."""
        found: dict[cst.ClassDef, tuple[str, ...]] = {}
        asked = plain
        while asked:
            fresh = {ref.node: evidence for ref in asked if (evidence := self._evidence(ref))}
            self.blocked.update((node, why) for node in fresh if (why := self._obstacle(self.table.refs[node])))
            found.update((node, evidence) for node, evidence in fresh.items() if node not in self.blocked)
            paths = {self.table.refs[node].module.path for node in found} - self.using
            self.using |= paths
            rest = [ref for ref in plain if ref.node not in found and ref.node not in self.blocked] if paths else []
            asked = [r for r in rest if any(e.module.path in paths for e in (r, *self.table.descendants(r)))]
        return self._heirs(found) | found

    def _heirs(self, found: Iterable[cst.ClassDef]) -> dict[cst.ClassDef, tuple[str, ...]]:
        """What derives from an assistant is an `Agent` with it, whether anything makes one or not."""
        below = (
            (heir.node, ref) for ref in map(self.table.refs.__getitem__, found) for heir in self.table.descendants(ref)
        )
        return {node: (f"derives from `{ref.name}`",) for node, ref in below if node not in self.blocked}

    def tools(self, ref: ClassRef) -> ClassTools:
        if ref.node not in self.own:
            self.own[ref.node] = class_tools(self.project, ref)
        return self.own[ref.node]

    def constructed(self, ref: ClassRef) -> tuple[str, ...]:
        """The files where the class is called, or offered as a value (`DESKS = {"spa": SpaDesk}`), tests left out."""
        if ref.node not in self._places:
            paths = sorted(self.project.paths_with([ref.name.encode()]))
            self._places[ref.node] = tuple(p for p in paths if not is_test(p) and _constructs(self.project, p, ref))
        return self._places[ref.node]

    def family(self, ref: ClassRef) -> tuple[ClassRef, ...]:
        return (ref, *self.table.ancestors(ref))

    def _resolved(self, ref: ClassRef, is_agent: bool) -> tuple[list[Tool], list[InlineTool]]:
        chain = self.family(ref)
        return resolve_tools(self.project, chain, {r.node: self.tools(r) for r in chain}, is_agent)

    def _evidence(self, ref: ClassRef) -> tuple[str, ...]:
        """Why a class without a LiveKit base is an assistant; empty when it is not one."""
        if is_test(ref.module.path):
            return ()
        if any(_OTHER_KINDS.search(name) for name in self.table.library_bases(ref)):
            return ()
        if self.asked_by_fronts and any(has_member(r.node, self.asked_by_fronts) for r in self.family(ref)):
            return ()
        if self._stands_beside_agent(ref):
            return ()
        tools, inline = self._resolved(ref, False)
        if not tools and not inline:
            return ()
        reasons: list[tuple[int, str]] = []
        ways = {t.declared for t in tools}
        if any(t.declared is Declared.CONTEXT and t.context and t.context.annotation for t in tools):
            reasons.append((2, "methods that take the RunContext"))
        elif Declared.CONTEXT in ways:
            reasons.append((1, "methods that take a ctx"))
        if Declared.SCHEMA in ways or inline:
            reasons.append((2, "JSON schemas of its methods"))
        if Declared.REGISTRY in ways:
            reasons.append((2, "a registry of its methods"))
        if Declared.DECORATOR in ways or Declared.FUNCTION_TOOL in ways:
            reasons.append((2, "decorated tools"))
        if len(tools) + len(inline) > 1:
            reasons.append((1, f"{len(tools) + len(inline)} tools"))
        prompts = [instructions_of(r.module, r.node) for r in self.family(ref)]
        prompt = next((p for p in prompts if p.source not in (Source.MISSING, Source.CONSTANT)), None)
        if prompt is not None:
            reasons.append((2, f"its prompt ({prompt.name})"))
        elif any(p.source is Source.CONSTANT for p in prompts):
            reasons.append((1, "a prompt in its module"))
        made_in = self._made_in(ref)
        if made_in:
            reasons.append((2, f"made in {made_in}, which uses LiveKit"))
        if _VOICE_NAME.search(ref.name):
            reasons.append((1, "its name"))
        if self.project.targets and _targeted(self.project.targets, ref.module.path):
            reasons.append((1, "named on the command line"))
        enough = sum(points for points, _ in reasons) >= _ENOUGH
        speaks = prompt is not None or (made_in and any(p.source is Source.CONSTANT for p in prompts))
        reached = made_in or self.table.descendants(ref) or (self.project.targets and enough)
        schema_only = ways <= {Declared.SCHEMA} and not made_in and not self.table.descendants(ref)
        taken = any(t.declared is Declared.FUNCTION_TOOL and t.context for t in tools)
        if not (enough and speaks) or schema_only:
            return ()
        if not (reached or taken or self._names_the_context(ref)):
            return ()
        return tuple(text for _, text in reasons)

    def _stands_beside_agent(self, ref: ClassRef) -> bool:
        """A mixin: `class Desk(Search, Agent)`, whose `super().__init__(instructions=…)` is meant for `Agent`."""
        return any(d.node in self.livekit for d in self.table.descendants(ref)) and not self.constructed(ref)

    def _names_the_context(self, ref: ClassRef) -> bool:
        """Whether `RunContext` stands in the class or its bases; elsewhere in the file it may be there for others."""
        family = (each for each in self.family(ref) if b"RunContext" in each.module.data)
        return any("RunContext" in each.module.lines_of(each.node) for each in family)

    def _obstacle(self, ref: ClassRef) -> str:
        """Why an assistant cannot be made an `Agent` by rule; empty when it can."""
        for each in self.family(ref):
            if any("dataclass" in (dotted(_bare(d)) or "") for d in each.node.decorators):
                return f"`{each.name}` is a dataclass: its `__init__` is generated and does not call `Agent`'s"
            if method(each.node, "__init__") is None and any(map(_is_init, each.module.index.own_scope(each.node))):
                return f"`{each.name}.__init__` stands in a block of the class"
        foreign = sorted(self.table.library_bases(ref) - _NEUTRAL)
        return f"it derives from `{foreign[0]}`, which is not part of the project" if foreign else ""

    def _made_in(self, ref: ClassRef) -> str:
        """A file with LiveKit in it where the class or one of its subclasses is constructed or offered."""
        for each in (ref, *self.table.descendants(ref)):
            for path in self.constructed(each):
                if path != each.module.path or path in self.using:
                    return path
        return ""

    def _classes(self, livekit: set[cst.ClassDef], found: dict[cst.ClassDef, tuple[str, ...]]) -> Iterator[AgentClass]:
        members: dict[cst.ClassDef, ClassRef] = {n: self.table.refs[n] for n in (*livekit, *found)}
        mixins: dict[cst.ClassDef, ClassRef] = {}
        bases: dict[cst.ClassDef, ClassRef] = {}
        for ref in list(members.values()):
            for above in self.table.ancestors(ref):
                if above.node in members:
                    continue
                (bases if self._leads(above, set(members), livekit) else mixins).setdefault(above.node, above)
        takes = {
            ref.node
            for ref in (*members.values(), *bases.values())
            if ref.node not in livekit and not any(b.node in bases or b.node in found for b in self._own_bases(ref))
        }
        tools, inline = self._tools_by_owner([*members.values(), *bases.values()], livekit)
        concrete = {n for n in members if not self._only_derived(members[n])}
        for ref in (*members.values(), *bases.values(), *mixins.values()):
            is_mixin = ref.node in mixins and ref.node not in bases
            role = Role.MIXIN if is_mixin else Role.AGENT if ref.node in concrete else Role.BASE
            chain = tuple(r for r in self.table.ancestors(ref) if r.node in members or r.node in bases)
            own = self.tools(ref)
            all_tools, _ = self._resolved(ref, ref.node in livekit)
            serves_livekit = is_mixin and any(r.node in livekit for r in self.table.descendants(ref))
            yield AgentClass(
                ref.module,
                ref.node,
                role,
                ref.node in livekit,
                ref.node in takes and not is_mixin,
                chain,
                tuple(r for r in self.table.ancestors(ref) if r not in chain),
                tuple(tools.get(ref.node, {}).values()),
                tuple(all_tools),
                tuple(inline.get(ref.node, {}).values()),
                own.registries,
                own.dispatchers,
                instructions_of(ref.module, ref.node),
                collisions_of(ref, {t.node for t in all_tools}, ref.node in livekit or serves_livekit),
                bool(self.table.subclasses.get(ref.node)),
                self._is_asked_for(ref),
                found.get(ref.node, ()),
            )

    def _is_asked_for(self, ref: ClassRef) -> bool:
        name = instructions_of(ref.module, ref.node).name
        asked = re.compile(rf"\.{re.escape(name)}\b".encode())
        others = self.project.files.values() if name != "instructions" else ()
        return any(asked.search(d) for d in (ref.module.data, *(d for d in others if ref.name.encode() in d)))

    def _own_bases(self, ref: ClassRef) -> list[ClassRef]:
        return [b for b in self.table.bases.get(ref.node, ()) if isinstance(b, ClassRef)]

    def _leads(self, above: ClassRef, members: set[cst.ClassDef], livekit: set[cst.ClassDef]) -> bool:
        """Whether an own base is the assistants' own (and may become an Agent), not a mixin or a general service."""
        if above.node in livekit:
            return True
        if above.name.endswith("Mixin") or any(_OTHER_KINDS.search(n) for n in self.table.library_bases(above)):
            return False
        prompts = [instructions_of(r.module, r.node).source for r in self.family(above)]
        if all(source in (Source.MISSING, Source.CONSTANT) for source in prompts):
            return False
        below = self.table.descendants(above)
        return all(r.node in members or any(d.node in members for d in self.table.descendants(r)) for r in below)

    def _only_derived(self, ref: ClassRef) -> bool:
        """A class with subclasses that nobody constructs."""
        return bool(self.table.subclasses.get(ref.node)) and not self.constructed(ref)

    def _tools_by_owner(
        self, refs: list[ClassRef], livekit: set[cst.ClassDef]
    ) -> tuple[dict[cst.ClassDef, dict[cst.FunctionDef, Tool]], dict[cst.ClassDef, dict[str, InlineTool]]]:
        """Each tool at the class whose body holds it; overrides of a tool are tools, too."""
        owned: dict[cst.ClassDef, dict[cst.FunctionDef, Tool]] = {}
        inline: dict[cst.ClassDef, dict[str, InlineTool]] = {}
        for ref in refs:
            tools, in_branches = self._resolved(ref, ref.node in livekit)
            for tool in tools:
                if tool.owner is None:
                    continue
                known = owned.setdefault(tool.owner, {}).get(tool.node)
                if known is None or known.declared is Declared.CONTEXT:
                    owned[tool.owner][tool.node] = tool
                for below in self.table.descendants(self.table.refs[tool.owner]):
                    override = method(below.node, tool.node.name.value)
                    if override is None or override in owned.get(below.node, {}) or below.node in livekit:
                        # (an `Agent` that overrides a tool without the decorator has taken it out on purpose)
                        continue
                    how = Declared.CONTEXT if tool.declared is Declared.FUNCTION_TOOL else tool.declared
                    made = make_tool(self.project, below, override, tool.name, how, tool.schema)
                    owned.setdefault(below.node, {})[override] = replace(made, description=tool.description)
            for item in in_branches:
                for r in self.family(ref):
                    if item.dispatcher.node in methods(r.node):
                        inline.setdefault(r.node, {}).setdefault(item.name, item)
        # an override that is decorated itself is known better by its own class
        for node, tools_of in owned.items():
            for tool in self.tools(self.table.refs[node]).decorated:
                if tools_of.get(tool.node) is not None and tools_of[tool.node].declared is not Declared.REGISTRY:
                    tools_of[tool.node] = tool
        return owned, inline


def _order(agent: AgentClass) -> int:
    return agent.module.index.of(cst.ClassDef).index(agent.node)


def _targeted(targets: Iterable[str], path: str) -> bool:
    return any(path == t or path.startswith(t.rstrip("/") + "/") for t in targets)


def _is_init(node: cst.CSTNode) -> bool:
    return type(node) is cst.FunctionDef and node.name.value == "__init__"


def _bare(decorator: cst.Decorator) -> cst.BaseExpression:
    return decorator.decorator.func if isinstance(decorator.decorator, cst.Call) else decorator.decorator


def _constructs(project: Project, path: str, ref: ClassRef) -> bool:
    """Whether the class is a value anywhere in the file at `path`, by its name or another that an import gives it."""
    module = project.module(path)
    if module is None:
        return False
    for node in (n for name in (ref.name, *module.renamed) for n in module.names.get(name, ())):
        parent = module.index.parents.get(node)
        whole = parent if isinstance(parent, cst.Attribute) else node
        if _is_value(parent, node) and not _is_base(module, whole):
            symbol = project.resolve(module, whole)
            if symbol is not None and symbol.node is ref.node:
                return True
    return False


def _is_base(module: Module, whole: cst.CSTNode) -> bool:
    arg = module.index.parents.get(whole)
    return isinstance(arg, cst.Arg) and isinstance(module.index.parents.get(arg), cst.ClassDef)


def _is_value(parent: cst.CSTNode | None, name: cst.Name) -> bool:
    """Called, put into a container, assigned or passed on (or a base); not an annotation, an import or a keyword."""
    if isinstance(parent, cst.Attribute):
        return parent.attr is name
    if isinstance(parent, cst.Arg):
        return parent.keyword is not name
    return isinstance(parent, (cst.Call, cst.DictElement, cst.Element, cst.Return, cst.Assign, cst.IfExp))
