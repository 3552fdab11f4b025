"""Names of 0.x that moved are spelled anew; imports of what is gone are taken out, or marked.

`livekit.agents.pipeline`, `.voice_assistant`, `.multimodal` and `.transcription` went with 1.0, and names moved between
the others. An import of a missing name stops the whole file, so none is left standing without a marker.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache

import libcst as cst

from lk_migrate.facts.among import foreign, in_annotations
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted, from_module, referenced_names
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_gone import LEFT_TO_A_PERSON, MOVED, NOW_OF_TYPE, why_gone
from lk_migrate.facts.v0_names import AGENT_CLASSES
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Remove, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.leftovers import Leftover
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.event_doubts import takes_the_event

rule = Rule(
    "LK201",
    Edition.V0,
    __doc__,
    triggers=(b"livekit", b"AgentState"),
    since="1.0.0",
    paths=where_livekit_is_imported,
)


@rule.on(cst.Name, cst.Attribute, among=foreign)
def moved(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """A use of a name that has a new address, and the 0.x agent as a type."""
    name = file.full_name(node)
    if name is None or not name.startswith("livekit."):
        return
    parent = file.parent(node)
    if isinstance(parent, (cst.ImportAlias, cst.ImportFrom, cst.AssignTarget, cst.Param)):
        return
    if (isinstance(parent, cst.Attribute) and parent.attr is node) or (
        isinstance(parent, cst.Arg) and parent.keyword is node
    ):
        return
    if _in_import(node, file):
        return
    if name in MOVED and not _keeps_its_name(node, name, file):
        target = MOVED[name]
        spelling = _spelling(target, file)
        yield Rewrite(node, lambda _: cst.parse_expression(spelling), f"`{file.code(node)}` is `{spelling}` now")
    elif name in NOW_OF_TYPE:
        yield from _of_type(node, NOW_OF_TYPE[name], file)
    elif name in LEFT_TO_A_PERSON and not _marks_the_entrypoint(parent, file):
        yield Todo(node, f"`{name}` does not exist: {LEFT_TO_A_PERSON[name]}.")
    elif name in AGENT_CLASSES and not _is_construction(node, file):
        if isinstance(parent, cst.Arg) and isinstance(file.parent(parent), cst.ClassDef):
            yield Todo(
                node,
                f"a subclass of `{name.rpartition('.')[2]}`: make it an `Agent` (its hooks are methods now) and run it "
                "in an `AgentSession`.",
            )
            return
        session = file.use("livekit.agents.AgentSession")
        yield Rewrite(node, lambda _: cst.parse_expression(session), f"`{file.code(node)}` is the `AgentSession` here")


#: What a `CalledFunction` and its `FunctionCallInfo` had, and a `FunctionCall` has not.
_OF_CALLED = frozenset({"call_info", "function_info", "task", "result", "exception", "raw_arguments", "tool_call_id"})


def _of_type(node: cst.Name | cst.Attribute, target: str, file: File) -> Iterator[Change]:
    """`called: llm.CalledFunction` (LK240 sees to those of handlers), `isinstance(x, FunctionCallInfo)`."""
    param, function = file.enclosing(node, cst.Param), file.enclosing(node, cst.FunctionDef)
    if param is not None and function is not None and takes_the_event(function, file):
        return
    parent = file.parent(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        cls = target.rpartition(".")[2]
        yield Todo(node, f"make it a `{cls}(call_id=…, name=…, arguments=…)`: a call is one item.")
        return
    yield Rewrite(node, lambda _: cst.parse_expression(_spelling(target, file)), f"a call is a `{target}` now")
    if param is None or function is None:
        return
    reads = find(function.body, cst.Attribute)
    asked = next((a for a in reads if a.attr.value in _OF_CALLED and dotted(a.value) == param.name.value), None)
    if asked is not None:
        yield Todo(
            asked,
            "a `FunctionCall` has `name`, `arguments` (a JSON text) and `call_id` itself; what its tool returned is "
            "the `FunctionCallOutput` beside it (`for call, output in ev.zipped()`).",
        )


def _marks_the_entrypoint(node: cst.CSTNode | None, file: File) -> bool:
    """`@agents.entrypoint`, which never was, on the function that the worker's options name: LK340 marks that."""
    if not isinstance(node, cst.Decorator) or node.leading_lines or file.full_name(node.decorator) != _INVENTED_MARK:
        return False
    function = file.parent(node)
    if not isinstance(function, cst.FunctionDef):
        return False
    given = (a.value for a in file.module.index.of(cst.Arg) if keyword(a) == "entrypoint_fnc")
    return any(dotted(value) == function.name.value for value in given)


_INVENTED_MARK = "livekit.agents.entrypoint"


@rule.on(cst.FunctionDef)
def invented_mark(node: cst.FunctionDef, file: File) -> Iterator[Change]:
    """That decorator goes."""
    gone = [i for i, d in enumerate(node.decorators) if _marks_the_entrypoint(d, file)]
    if gone:
        yield Rewrite(
            node,
            lambda updated: updated.with_changes(
                decorators=[d for i, d in enumerate(updated.decorators) if i not in gone]
            ),
            f"`{_INVENTED_MARK}` never was: the server knows the entrypoint",
            without=tuple(node.decorators[i] for i in gone),
        )


def _keeps_its_name(node: cst.CSTNode, name: str, file: File) -> bool:
    """Whether only the import changes: `EventTypes` is called so in its new module, too."""
    return isinstance(node, cst.Name) and MOVED[name].rpartition(".")[2] == node.value


@rule.on(cst.ImportFrom)
def moved_import(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """`from livekit.agents import AgentState` → `from livekit.agents.voice.events import AgentState`."""
    if isinstance(node.names, cst.ImportStar) or file.enclosing(node, cst.FunctionDef) is not None:
        return
    base = from_module(node, file.module.package)
    if _is_own(file.project, base, file.path):
        return
    gone = []
    for alias in node.names:
        target = MOVED.get(f"{base}.{dotted(alias.name)}", "")
        if target and alias.asname is None and target.rpartition(".")[2] == dotted(alias.name):
            gone.append(dotted(alias.name))
            file.wanted[target] = target.rpartition(".")[2]
    if not gone:
        return
    line = file.parent(node)
    if len(gone) == len(node.names) and isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1:
        yield Remove(line, "the names have a new address")
    elif len(gone) < len(node.names):
        yield Rewrite(node, lambda updated: _without(updated, gone), "the names have a new address")


def _without(updated: cst.ImportFrom, gone: list[str | None]) -> cst.ImportFrom:
    assert not isinstance(updated.names, cst.ImportStar)
    kept = [a for a in updated.names if dotted(a.name) not in gone]
    kept[-1] = kept[-1].with_changes(comma=updated.names[-1].comma)
    return updated.with_changes(names=kept)


def _spelling(target: str, file: File) -> str:
    base, _, last = target.rpartition(".")
    if base in ("livekit.agents.llm", "livekit.agents.metrics", "livekit.agents.utils"):
        for item in file.module.imports:
            if item.target == base:
                return f"{item.local}.{last}"
    return file.use(target)


def _in_import(node: cst.CSTNode, file: File) -> bool:
    return file.module.index.enclosing(node, cst.ImportFrom, cst.Import) is not None


def _is_construction(node: cst.CSTNode, file: File) -> bool:
    parent = file.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node and parent in file.project.fact(pipelines).constructions


@rule.on(cst.SimpleString, among=in_annotations)
def quoted(node: cst.SimpleString, file: File) -> Iterator[Change]:
    """`agent: "VoicePipelineAgent"`."""
    for word in re.findall(r"[\w.]+", text_of(node) or ""):
        symbol = file.project.resolve_name(file.module, word)
        if symbol is not None and symbol.module is None and symbol.name in AGENT_CLASSES:
            yield Rewrite(
                node,
                _respelled(word, file.use("livekit.agents.AgentSession")),
                "the 0.x agent is the `AgentSession` here",
            )


def _respelled(old: str, new: str) -> Callable[[cst.SimpleString], cst.SimpleString]:
    return lambda updated: updated.with_changes(value=updated.value.replace(old, new))


@rule.finish
def leftovers(tree: cst.Module, file: File) -> Iterator[Leftover]:
    """What the imports of the finished file still ask for in vain."""
    used = cache(lambda: referenced_names(tree, file.module.references))

    def is_used(local: str | None) -> bool:
        return used().get(local or "", 0) > 0

    package = file.module.package
    for line, small in file.imports_of(tree):
        base = f"{from_module(small, package)}." if isinstance(small, cst.ImportFrom) else ""
        for alias in small.names if not isinstance(small.names, cst.ImportStar) else ():
            target = base + (dotted(alias.name) or "")
            why = why_gone(target)
            if why is not None and not _is_own(file.project, base.rstrip(".") or target, file.path):
                local = dotted(alias.asname.name) if alias.asname else target[len(base) :].partition(".")[0]
                yield Leftover(line, small, alias, is_used(local), f"`{target}` is gone: {why}.")


def _is_own(project: Project, module: str, importer: str) -> bool:
    """A project may have a `livekit/` folder of its own."""
    return project.path_of(module, importer) is not None
