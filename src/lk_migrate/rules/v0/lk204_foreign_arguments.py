"""Arguments of 0.x, or of no version, in a call of `AgentSession` or `Agent`.

Half-migrated files give the new classes the old arguments (`fnc_ctx=`, `chat_ctx=` on a session), or names that never
existed (`fn_ctx=`, `function_context=`). All of them raise TypeError at the first call. A box of tools goes where the
class takes tools; a list of plugins, which register themselves, goes; the rest is marked. A 0.x agent, which becomes a
session (LK202), is asked for what neither it nor a session ever took.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.agents import agent_of, assistant_files
from lk_migrate.facts.classes import is_super_init, method, methods
from lk_migrate.facts.function_contexts import function_contexts
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.keywords_in_place import given_in_place
from lk_migrate.facts.project import Project
from lk_migrate.facts.public_names import closest, public_names
from lk_migrate.facts.v0_names import AGENTS, SESSIONS, V0_ARGUMENTS, Kind, kind_of_name
from lk_migrate.facts.variables import is_variable
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword, of_call, to_call
from lk_migrate.rewrite.changes import Change, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import has_marker
from lk_migrate.rules.registry import Rule


def _paths(project: Project) -> frozenset[str]:
    """Also where an assistant is that becomes an `Agent` now: its file need not import anything of LiveKit's."""
    return project.fact(where_livekit_is_imported) | project.fact(assistant_files)


#: (a class that becomes an `Agent` need not say the word)
_TRIGGERS = (b"Agent", b"VoiceAssistant", b"super()")
rule = Rule("LK204", Edition.V0, __doc__, triggers=_TRIGGERS, since="1.0.0", paths=_paths)

_AGENTS_OWN = {"chat_ctx": "Agent(chat_ctx=…)", "instructions": "Agent(instructions=…)"}
_TOOLS = frozenset({"fnc_ctx", "fn_ctx", "func_ctx", "function_context", "functions", "function_ctx", "fnc_context"})
#: Names that were seen in public code and exist in no version.
_NEVER = {
    "model": "`llm=` is the model of a session",
    "plugins": "plugins register themselves when they are imported",
    "room": "the room goes to `session.start(room=…)`",
    "agent": "the Agent goes to `session.start(agent=…)`",
    "ctx": "a session takes no job context",
}

_BASE = "livekit.agents.Agent"
_AGENT, _SESSION = "livekit.agents.Agent()", "livekit.agents.AgentSession()"


@rule.on(cst.Call)
def arguments(call: cst.Call, file: File) -> Iterator[Change]:
    """One marker per call, naming every argument."""
    func = call.func.value if isinstance(call.func, cst.Subscript) else call.func
    name = file.full_name(func) or _above(call, file)
    becomes_session = kind_of_name(name) in (Kind.PIPELINE, Kind.MULTIMODAL)
    if name not in SESSIONS | AGENTS and not becomes_session:
        return
    is_session = becomes_session or name in SESSIONS
    said = []
    names = {keyword(a) for a in call.args}
    for arg in call.args:
        given = keyword(arg)
        if given == "model" and is_session and not becomes_session and "llm" not in names:
            yield Rewrite(arg, lambda updated: updated.with_changes(keyword=cst.Name("llm")), "`model=` is `llm=`")
            continue
        if becomes_session and given in V0_ARGUMENTS and not (given == "model" and "llm" in names):
            continue
        if given == "functions" and "tools" not in names and not becomes_session and isinstance(arg.value, cst.List):
            yield Rewrite(arg, lambda updated: updated.with_changes(keyword=cst.Name("tools")), "they are `tools=`")
            continue
        if given in _TOOLS and "tools" not in names and _is_box(arg.value, file):
            yield Rewrite(arg, _listed, f"`{given}=` is a list of `tools=`")
            continue
        closures = _closures(arg.value, call, file) if given in _TOOLS and "tools" not in names else None
        if closures is not None:
            yield Rewrite(arg, lambda updated, c=closures: _named(updated, c), f"`{given}=` is a list of `tools=`")  # type: ignore[misc]
            continue
        if given == "plugins" and is_session and _only_plugins(arg.value, file):
            yield Rewrite(call, _without_plugins, "plugins register themselves when imported", without=(arg,))
            continue
        if given in _TOOLS:
            home = "" if not is_session else " of the Agent"
            said.append(f"`{given}=` is no argument: tools are {_box_tools(arg.value, file)}{home}")
        elif is_session and given in _AGENTS_OWN:
            said.append(f"`{given}=` belongs to the Agent: `{_AGENTS_OWN[given]}`")
        elif is_session and given in _NEVER:
            said.append(f"`{given}=` is no argument: {_NEVER[given]}")
        elif given and given not in (known := public_names()[_SESSION if is_session else _AGENT]):
            said.append(f"`{given}=` is no argument of 1.8{closest(given, known)}")
    spread = any(a.star and given_in_place(a, "mcp_servers") is None for a in call.args)
    prompted = "instructions" in names or spread or _is_to_come(call, file)
    if name in AGENTS and not prompted:
        said.append("`instructions=` is wanted (a TypeError without it): the system message")
    if said:
        yield Todo(call, "; ".join(said) + ".")


def _above(call: cst.Call, file: File) -> str | None:
    """`livekit.agents.Agent` for a `super().__init__(…)` that can only be its constructor's.

    None in an `__init__` that another one further down the class replaces.
    """
    owner = file.enclosing(call, cst.ClassDef) if is_super_init(call) else None
    function = file.enclosing(call, cst.FunctionDef)
    if owner is not None and function in methods(owner) and method(owner, "__init__") is not function:
        return None
    if owner is not None and not owner.bases:
        agent = agent_of(file.project, owner)
        return _BASE if agent is not None and agent.takes_base else None
    first = file.full_name(owner.bases[0].value) if owner is not None else None
    return first if first in AGENTS else None


def _is_to_come(call: cst.Call, file: File) -> bool:
    """Whether the class becomes an `Agent` only now: its prompt is handed over, too (LK111)."""
    owner = file.enclosing(call, cst.ClassDef) if is_super_init(call) else None
    return owner is not None and not owner.bases


def _is_box(value: cst.BaseExpression, file: File) -> bool:
    """An object of a class that becomes a `Toolset` (LK210), and holds all of its tools itself."""
    found = file.project.fact(function_contexts)
    binding = found.holdings.binding(file.module, value)
    if not any(kind in found.classes for kind in found.holdings.kinds(file.module, value)):
        return False
    return binding is None or not (binding in found.bare or found.closures(binding))


def _closures(value: cst.BaseExpression, call: cst.Call, file: File) -> list[str] | None:
    """The tools of a bare `FunctionContext()` (which goes, LK210), if all of them are in sight of the call."""
    found = file.project.fact(function_contexts)
    binding = found.holdings.binding(file.module, value)
    if binding is None or binding not in found.bare:
        return None
    names = []
    for tool in found.closures(binding):
        scope = file.enclosing(tool.node, cst.FunctionDef)
        seen = scope is None or scope in file.module.index.ancestors(call)
        if tool.module is not file.module or not seen:
            return None
        if file.module.span(tool.node).line > file.module.span(call).line:
            return None
        names.append(tool.node.name.value)
    if not names and has_marker(file.statement(call), rule.id, file.module.tree):
        return None  # which were out of sight in a first run have left the box since
    return names


def _box_tools(value: cst.BaseExpression, file: File) -> str:
    """What to write for a box of tools; those of a bare `FunctionContext()` are named: they leave it (LK211)."""
    found = file.project.fact(function_contexts)
    binding = found.holdings.binding(file.module, value)
    tools = found.closures(binding) if binding is not None and binding in found.bare else ()
    names = ", ".join(tool.node.name.value for tool in tools)
    return f"`tools=[{names}]` (made before it)" if names else "`tools=[…]`"


def _named(updated: cst.Arg, names: list[str]) -> cst.Arg:
    tools = cst.List([cst.Element(cst.Name(name)) for name in names])
    return updated.with_changes(keyword=cst.Name("tools"), value=tools)


def _listed(updated: cst.Arg) -> cst.Arg:
    tools = cst.List([cst.Element(updated.value)])
    return updated.with_changes(keyword=cst.Name("tools"), value=tools)


def _only_plugins(value: cst.BaseExpression, file: File) -> bool:
    """`[openai.Plugin()]`, `[silero]`, `[]`: nothing but packages of plugins, which stay imported for another use."""
    if not isinstance(value, cst.List):
        return False
    inside = set(find(value, cst.Name))
    for element in value.elements:
        made = element.value.func if isinstance(element.value, cst.Call) else element.value
        name = file.full_name(made) or ""
        package = name.startswith("livekit.plugins.") and (name.count(".") == 2 or name.endswith("Plugin"))
        head = (dotted(made) or "").partition(".")[0]
        used = any(n not in inside and is_variable(file.module, n) for n in file.module.names.get(head, ()))
        if not package or not used:
            return False
    return True


def _without_plugins(updated: cst.Call) -> cst.Call:
    brackets = of_call(updated)
    (at,) = (i for i, arg in enumerate(brackets.items) if keyword(arg) == "plugins")
    return to_call(updated, brackets.without(at))
