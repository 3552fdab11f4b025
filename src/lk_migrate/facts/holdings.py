"""What the project's variables, attributes, parameters and results hold: 0.x agents, chat contexts, realtime models.

A forward analysis over all files together: constructions and annotations say what is known, assignments, calls,
returns and callbacks carry it on until nothing new is learned. Only evidence counts; a good name is none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import libcst as cst

from lk_migrate.facts.families import Function, arguments, parameters
from lk_migrate.facts.held import NOTHING, RESULT, Holdings, result_item
from lk_migrate.facts.importers import importing
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.said_params import is_taken_for_text
from lk_migrate.facts.v0_evidence import may_hold_0x
from lk_migrate.facts.v0_names import Kind, kind_of_name
from lk_migrate.facts.variables import Binding, binding_of

_CALLBACK_KINDS: dict[str, tuple[Kind, ...]] = {
    "before_llm_cb": (Kind.PIPELINE, Kind.CHAT_CONTEXT),
    "will_synthesize_assistant_reply": (Kind.PIPELINE, Kind.CHAT_CONTEXT),
    "before_tts_cb": (Kind.PIPELINE,),
}
_MESSAGE_EVENTS = frozenset({"user_speech_committed", "agent_speech_committed", "agent_speech_interrupted"})


def holdings(project: Project) -> Holdings:
    """The analysis of a project (use as `project.fact(holdings)`). Empty when nothing of 0.x can be in any file."""
    result = Holdings(project)
    if not project.fact(may_hold_0x):
        return result
    words = re.compile(b"|".join((*_WORDS, *_boxes(project.files.values()))))
    code = {p: data for p, data in sorted(project.files.items()) if p.endswith(".py") and not _is_framework(project, p)}
    near = importing(project, [p for p, data in code.items() if words.search(data) is not None])
    result.modules = list(project.modules(p for p in code if p in near))
    for module in result.modules:
        for node in module.index.of(cst.ClassDef):
            result.home[node] = module
        for call in module.index.of(cst.Call):
            kind = kind_of_name(project.full_name(module, call.func))
            if kind in (Kind.PIPELINE, Kind.MULTIMODAL):
                result.constructions.append((module, call, kind))
    _learn_all(result)
    return result


def where_0x_may_be(project: Project) -> frozenset[str]:
    """Every file when anything of 0.x is in any, else none: the `paths` of rules that ask nothing but `holdings`."""
    return frozenset(project.files if project.fact(may_hold_0x) else ())


@dataclass
class _Site:
    """A place of the code that may teach something. `asked`: what it asked about when it was last looked at, `at`."""

    learn: Callable[[], bool]
    at: int = -1
    asked: frozenset[Binding] = frozenset()


def _learn_all(result: Holdings) -> None:
    """Round by round, until nothing new is learned; a site is looked at again when what it asked about has changed."""
    sites = [_Site(learn) for module in result.modules for learn in _sites(result, module)]
    learned = result.learned
    for _ in range(12):
        news = False
        for site in sites:
            if site.at >= 0 and all(learned.get(binding, 0) <= site.at for binding in site.asked):
                continue
            result.asked = set()
            site.at = result.clock
            news |= site.learn()
            site.asked = frozenset(result.asked)
        if not news:
            break


#: One of these stands in a file that such objects pass through, or in one that it imports from.
_WORDS = (b"livekit", b"agent", b"assistant", b"session", b"chat_ctx", b"fnc")


def _boxes(files: Iterable[bytes]) -> frozenset[bytes]:
    """The names of the project's own tool boxes: a test of one may say none of the words."""
    found = (re.findall(rb"class\s+(\w+)\s*\([^)]*FunctionContext", data) for data in files if b"ai_callable" in data)
    return frozenset(name for names in found for name in names)


def _is_framework(project: Project, path: str) -> bool:
    """A copy of the framework in the project is not the project; a folder may only be called so."""
    above, package, _ = f"/{path}".rpartition("/livekit/agents/")
    names = project.files.get(f"{above}{package}__init__.py".removeprefix("/"), b"JobContext") if package else b""
    return b"JobContext" in names or "/livekit/plugins/" in f"/{path}"


def _sites(result: Holdings, module: Module) -> Iterator[Callable[[], bool]]:
    """What each place of a module may teach, to be asked as often as something changes."""
    of = module.index.of
    kinds: tuple[tuple[type[cst.CSTNode], Callable[[Holdings, Module, Any], bool]], ...] = (
        (cst.Assign, _learn_assigned),
        (cst.AnnAssign, _learn_annotated),
        (cst.NamedExpr, _learn_walrus),
        (cst.WithItem, _learn_context),
        (cst.For, _learn_item),
        (cst.CompFor, _learn_item),
        (cst.Param, _learn_parameter),
        (cst.Return, _learn_returned),
        (cst.FunctionDef, _learn_promised),
        (cst.Call, _learn_call),
    )
    for kind, learn in kinds:
        for node in of(kind):
            yield partial(learn, result, module, node)


def _learn_assigned(result: Holdings, module: Module, node: cst.Assign) -> bool:
    news = False
    for target in node.targets:
        for one, value in _pairs(target.target, node.value):
            kinds = result.kinds(module, value)
            if kinds:
                news |= result.learn(result.binding(module, one), kinds)
        if isinstance(target.target, cst.Tuple):
            news |= _learn_unpacked(result, module, target.target, node.value)
    return news


def _learn_unpacked(result: Holdings, module: Module, target: cst.Tuple, value: cst.BaseExpression) -> bool:
    """`agent, usage = build_agent(ctx)`."""
    call = value.expression if isinstance(value, cst.Await) else value
    if not isinstance(call, cst.Call):
        return False
    news = False
    for function in result.callees(module, call):
        for i, element in enumerate(target.elements):
            kinds = result.held(Binding(function.node, result_item(i)))
            if kinds:
                news |= result.learn(result.binding(module, element.value), kinds)
    return news


def _learn_walrus(result: Holdings, module: Module, node: cst.NamedExpr) -> bool:
    return result.learn(result.binding(module, node.target), result.kinds(module, node.value))


def _learn_context(result: Holdings, module: Module, node: cst.WithItem) -> bool:
    if node.asname is None:
        return False
    return result.learn(result.binding(module, node.asname.name), result.kinds(module, node.item))


def _learn_item(result: Holdings, module: Module, node: cst.For | cst.CompFor) -> bool:
    target, items = _counted(node) or (node.target, node.iter)
    return result.learn(result.binding(module, target), result.items(result.kinds(module, items)))


def _learn_parameter(result: Holdings, module: Module, node: cst.Param) -> bool:
    if node.annotation is None:
        return False
    variable = binding_of(module, node.name)
    news = result.learn(variable, result.of_annotation(module, node.annotation.annotation))
    promised = _result_of_callable(node.annotation.annotation)
    if promised is not None:
        given = result.of_annotation(module, promised)
        news |= result.learn(Binding(variable.owner, f"{variable.name}()"), given)
    return news


def _learn_returned(result: Holdings, module: Module, node: cst.Return) -> bool:
    function = module.index.enclosing(node, cst.FunctionDef, cst.Lambda)
    if node.value is None or not isinstance(function, cst.FunctionDef):
        return False
    news = result.learn(Binding(function, RESULT), result.kinds(module, node.value))
    if isinstance(node.value, cst.Tuple):
        for i, element in enumerate(node.value.elements):
            news |= result.learn(Binding(function, result_item(i)), result.kinds(module, element.value))
    return news


def _learn_promised(result: Holdings, module: Module, node: cst.FunctionDef) -> bool:
    if node.returns is None:
        return False
    return result.learn(Binding(node, RESULT), result.of_annotation(module, node.returns.annotation))


def _counted(node: cst.For | cst.CompFor) -> tuple[cst.BaseExpression, cst.BaseExpression] | None:
    """The item's target and what is iterated over, of `for i, item in enumerate(items)`."""
    if not isinstance(node.iter, cst.Call) or dotted(node.iter.func) != "enumerate" or not node.iter.args:
        return None
    if not isinstance(node.target, cst.Tuple) or len(node.target.elements) != 2:
        return None
    return node.target.elements[1].value, node.iter.args[0].value


def _pairs(
    target: cst.BaseExpression, value: cst.BaseExpression
) -> Iterator[tuple[cst.BaseExpression, cst.BaseExpression]]:
    """`a` and `x`, `b` and `y` of `a, b = x, y`."""
    if isinstance(target, cst.Tuple) and isinstance(value, cst.Tuple) and len(target.elements) == len(value.elements):
        for one, other in zip(target.elements, value.elements, strict=True):
            yield one.value, other.value
    else:
        yield target, value


def _result_of_callable(annotation: cst.BaseExpression) -> cst.BaseExpression | None:
    """`LLM` in `Callable[[], LLM]`."""
    if not isinstance(annotation, cst.Subscript) or len(annotation.slice) != 2:
        return None
    last = annotation.slice[1].slice
    is_callable = (dotted(annotation.value) or "").rpartition(".")[2] == "Callable"
    return last.value if is_callable and isinstance(last, cst.Index) else None


def _learn_annotated(result: Holdings, module: Module, node: cst.AnnAssign) -> bool:
    kinds = result.of_annotation(module, node.annotation.annotation)
    if node.value is not None:
        kinds |= result.kinds(module, node.value)
    owner = module.index.enclosing(node, cst.FunctionDef, cst.ClassDef)
    news = result.learn(result.binding(module, node.target), kinds)
    if isinstance(owner, cst.ClassDef) and isinstance(node.target, cst.Name):
        # A field: `agent: VoicePipelineAgent` in a class body.
        news |= result.learn(Binding(result.root(owner), node.target.value, attribute=True), kinds)
    return news


def _learn_call(result: Holdings, module: Module, call: cst.Call) -> bool:
    news = False
    for arg in call.args:
        wanted = _CALLBACK_KINDS.get(arg.keyword.value) if arg.keyword is not None else None
        function = result.named_function(module, arg.value) if wanted is not None else None
        if wanted is not None and function is not None:
            for param, kind in zip(parameters(function), wanted, strict=False):
                news |= result.learn(Binding(function.node, param.name.value), frozenset({kind}))
    news |= _learn_handler(result, module, call)
    given = {arg: kinds for arg in call.args if (kinds := result.kinds(module, arg.value))}
    for function in result.callees(module, call) if given else ():
        for param, arg in arguments(function, call):
            news |= result.learn(Binding(function.node, param.name.value), given.get(arg, NOTHING))
    return news


def _learn_handler(result: Holdings, module: Module, call: cst.Call) -> bool:
    """What was said is handed to the handlers of 0.x events as a message; a multimodal agent gave texts."""
    func = call.func
    if not (isinstance(func, cst.Attribute) and func.attr.value == "on" and call.args):
        return False
    event = call.args[0].value
    if text_of(event) not in _MESSAGE_EVENTS:
        return False
    if not result.has(module, func.value, Kind.PIPELINE, Kind.SESSION):
        return False
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Decorator):
        node = module.index.parents.get(parent)
        function = Function(module, node, None) if isinstance(node, cst.FunctionDef) else None
    else:
        function = result.named_function(module, call.args[1].value) if len(call.args) > 1 else None
    first = next(iter(parameters(function)), None) if function is not None else None
    if function is None or first is None or is_taken_for_text(first, function.node):
        return False
    if first.annotation is not None and not result.has(module, func.value, Kind.PIPELINE):
        return False  # (a session's handler may be annotated with the event that is meant)
    return result.learn(Binding(function.node, first.name.value), frozenset({Kind.CHAT_MESSAGE}))
