"""Plugins of LiveKit's that are imported when a call has begun: inside functions.

A plugin registers itself when it is imported, and only on the main thread (livekit-agents, plugin.py); `python main.py
console` runs the job on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import ImportedName
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.plugin_addresses import todays_address
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.variables import binding_of, is_variable

PLUGINS = "livekit.plugins"
CONDITION = "a condition stands before it"
#: Without these in a file it imports no plugin.
WORDS = (b"livekit.plugins", b"livekit import plugins")


@dataclass(frozen=True)
class LatePlugin:
    """A statement in a function that imports `plugins` (`deepgram`). `why_not`: why it cannot stand at the top, if so.

    `names` is empty for what is no import statement (`import_module("livekit.plugins.deepgram")`).
    """

    statement: cst.CSTNode
    plugins: tuple[str, ...]
    names: tuple[ImportedName, ...]
    why_not: str


def late_plugins(project: Project, module: Module) -> list[LatePlugin]:
    """Those that the module does not import at its top as well, in source order."""
    early = _early(module)
    found: dict[cst.CSTNode, list[ImportedName]] = {}
    for item in module.imports:
        if _function_around(module, item.statement) is not None:
            found.setdefault(item.statement, []).append(item)
    late = []
    for statement, names in found.items():
        plugins = tuple(dict.fromkeys(p for n in names if (p := _plugin(n.target))))
        if plugins and not early.issuperset(plugins):
            late.append(LatePlugin(statement, plugins, tuple(names), _why_not(project, module, statement, names)))
    late += [LatePlugin(c, (p,), (), "by its name") for c, p in _by_name(module) if p not in early]
    return late


def loaded_early(project: Project) -> frozenset[str]:
    """The plugins that some module of the program imports at its top. Memoise with `project.fact`."""
    return frozenset().union(*map(_early, project.modules(p for p in project.paths_with(WORDS) if not is_test(p))))


def _early(module: Module) -> frozenset[str]:
    items = (i for i in module.imports if _function_around(module, i.statement) is None)
    return frozenset(p for i in items if (p := _plugin(i.target)))


def _plugin(target: str) -> str | None:
    """`deepgram` of `livekit.plugins.deepgram.stt`; a bare `import livekit` tells nothing."""
    name = todays_address(target)
    rest = name.removeprefix(f"{PLUGINS}.")
    return rest.partition(".")[0] if rest != name else None


def _function_around(module: Module, node: cst.CSTNode) -> cst.FunctionDef | None:
    function = module.index.enclosing(node, cst.FunctionDef)
    return function if isinstance(function, cst.FunctionDef) else None


def _by_name(module: Module) -> Iterator[tuple[cst.Call, str]]:
    for name in ("import_module", "__import__"):
        for call in module.calls.get(name, ()):
            plugin = _plugin(text_of(call.args[0].value) or "") if call.args else None
            if plugin is not None and _function_around(module, call) is not None:
                yield call, plugin


def _why_not(project: Project, module: Module, statement: cst.CSTNode, names: list[ImportedName]) -> str:
    """Why the import has to stay where it is; "" when the top of the module is as good.

    Under a condition it may be of a package that not everybody installs, unless the manifests name it.
    """
    if any(_means_something_else(module, item) for item in names):
        return "the module means something else by that name"
    if any(_is_missing_elsewhere(module, item.local) for item in names):
        return "code that lacks the import would have it then"
    installed = project.plugins.issuperset(p for n in names if (p := _plugin(n.target)))
    reason = _guarded(module, statement)
    function = _function_around(module, statement)
    if not reason and function is not None and _is_an_option(project, function):
        reason = CONDITION
    return "" if reason == CONDITION and installed else reason


def _guarded(module: Module, node: cst.CSTNode) -> str:
    """What between a node and the function around it decides whether it is reached, or what happens if it fails."""
    below = node
    for above in module.index.ancestors(node):
        if isinstance(above, cst.FunctionDef):
            return ""
        if isinstance(above, (cst.If, cst.While, cst.Match, cst.IfExp)):
            return CONDITION
        tried = isinstance(above, cst.Try) and below is above.body and above.handlers
        if tried or isinstance(above, cst.ExceptHandler):
            return "its failure is caught"
        below = above
    return ""


def _is_an_option(project: Project, function: cst.FunctionDef) -> bool:
    """Whether all calls of a function of this name stand under conditions, or it is one of several in a dict."""
    name = function.name.value
    asked = False
    for module in project.modules(p for p in project.paths_naming([name]) if not is_test(p)):
        for call in module.calls.get(name, ()):
            if not _guarded(module, call):
                return False
            asked = True
        asked = asked or any(_is_entry(module, n) for n in module.names.get(name, ()))
    return asked


def _is_entry(module: Module, name: cst.Name) -> bool:
    """`{"azure": make_azure}`."""
    above = module.index.parents.get(name)
    if isinstance(above, cst.Attribute) and above.attr is name:
        name, above = above, module.index.parents.get(above)  # type: ignore[assignment]
    return isinstance(above, cst.DictElement) and above.value is name


def _means_something_else(module: Module, item: ImportedName) -> bool:
    """Whether an import at the top could not bind the same name to the same thing."""
    if item.alias is None or item.local == "livekit":
        return True
    others = (i for i in module.imports if i.local == item.local and isinstance(i.scope, cst.Module))
    return item.local in module.definitions or any(i.target != item.target for i in others)


def _is_missing_elsewhere(module: Module, name: str) -> bool:
    """Whether some code reads the name where nothing binds it; the module does not (`_means_something_else`)."""
    read = (node for node in module.names.get(name, ()) if is_variable(module, node))
    return any(isinstance(binding_of(module, node).owner, cst.Module) for node in read)
