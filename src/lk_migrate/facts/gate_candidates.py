"""Functions that may be turn gates: short, counting something that outlives the call, and speaking of turns.

The name is only where we look; what a function does decides (facts/gate_trials.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache

import libcst as cst

from lk_migrate.facts.evaluation.values import UTTERANCE
from lk_migrate.facts.gate_syntax import CHANGING, LONG, may_hold_a_gate, telling
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test
from lk_migrate.facts.turn_hooks import hooked_names, turn_hooks
from lk_migrate.facts.walk import find

#: Files without such a word, or without a turn, hold no gate's definition, unless a hook is in them.
_WORDS = (b"speech", b"utterance", b"_turn", b"user_input", b"generation_id", b"generationid")
_TURN = re.compile(rb"turn(?:(?<=\bturn)\b|(?<!return)_)")
#: Functions that are longer than this do more than count.
_LONGEST = 60


@dataclass(frozen=True)
class Candidate:
    """`node`: what people ask (for a decorator its outermost function); `counter`: the function in it that counts.

    `counted`: the attributes that it sets; `closure`: a function inside a function, asked by that name or through
    what the function around it returned.
    """

    module: Module
    node: cst.FunctionDef
    counter: cst.FunctionDef
    owner: cst.ClassDef | None
    counted: frozenset[str] = frozenset()
    closure: bool = False


def candidates(project: Project) -> Iterator[Candidate]:
    """Every function of the project that looks like it could be a gate. A constructor is asked by nobody's name."""
    hooked = frozenset(hooked_names(project))
    told = telling(hooked)
    of_hooks = {module.path for module, _ in project.fact(turn_hooks)}
    tells = cache(lambda word: word in hooked or UTTERANCE.search(word) is not None)
    for path in sorted(project.files):
        data = project.files[path]
        if is_test(path) or not (path in of_hooks or _says_turn(data.lower())):
            continue
        if not project.is_parsed(path) and not may_hold_a_gate(data, told, _LONGEST):
            continue
        module = project.module(path)
        if module is None:
            continue
        raising = _raising(module)
        for function in module.index.of(cst.FunctionDef):
            named = function.name.value != "__init__"
            if named and _counts(module, function) and _speaks_of_turns(module, function, tells):
                candidate = candidate_of(module, function)
                if _may_refuse(module, candidate.node, raising):
                    yield replace(candidate, counted=counted(candidate))
                for level in _levels(module, function):
                    if _may_refuse(module, level, raising):
                        yield Candidate(module, level, function, None, closure=True)


def _says_turn(data: bytes) -> bool:
    return any(word in data for word in _WORDS) or _TURN.search(data) is not None


def _may_refuse(module: Module, function: cst.FunctionDef, raising: frozenset[str]) -> bool:
    """Whether it answers anything but None, or raises, itself or by a function of the file that it calls."""
    for node in module.index.find(function, cst.Return, cst.Raise, cst.Yield, cst.Call):
        if type(node) is cst.Call:
            if (dotted(node.func) or "").rpartition(".")[2] in raising:
                return True
        elif type(node) is not cst.Return or node.value is not None:
            return True
    return False


def _raising(module: Module) -> frozenset[str]:
    """The functions of the file in which something is raised."""
    around = (a for raised in module.index.of(cst.Raise) for a in module.index.ancestors(raised))
    return frozenset(a.name.value for a in around if isinstance(a, cst.FunctionDef))


def candidate_of(module: Module, function: cst.FunctionDef) -> Candidate:
    """A nested function belongs to the outermost one: that is the decorator."""
    outer = function
    for ancestor in module.index.ancestors(function):
        if isinstance(ancestor, cst.ClassDef):
            return Candidate(module, outer, function, ancestor)
        if isinstance(ancestor, cst.FunctionDef):
            outer = ancestor
    return Candidate(module, outer, function, None)


def _levels(module: Module, function: cst.FunctionDef) -> Iterator[cst.FunctionDef]:
    """The function and those around it, as long as they stand in a function themselves."""
    while isinstance(around := module.index.enclosing(function, cst.FunctionDef, cst.ClassDef), cst.FunctionDef):
        yield function
        function = around


_BRANCHES = (cst.If, cst.IfExp, cst.BooleanOperation, cst.Comparison)
_CHANGES = frozenset({cst.AssignTarget, cst.AnnAssign, cst.AugAssign})


def _counts(module: Module, function: cst.FunctionDef) -> bool:
    """Whether it changes something that outlives the call, and is short."""
    index = module.index
    if not index.find(function, *_BRANCHES):
        return False
    if len(index.find(function, cst.SimpleStatementLine, cst.BaseCompoundStatement)) > _LONGEST:
        return False
    for node in index.below(function):
        kind = type(node)
        if kind in _CHANGES:
            if isinstance(node.target, (cst.Attribute, cst.Subscript, cst.Tuple)):  # type: ignore[attr-defined]
                return True
        elif kind is cst.Global or kind is cst.Nonlocal:
            return True
        elif kind is cst.Call:
            assert isinstance(node, cst.Call)
            name = node.func.attr.value if isinstance(node.func, cst.Attribute) else dotted(node.func)
            if name in CHANGING:
                return True
    return False


def _speaks_of_turns(module: Module, function: cst.FunctionDef, tells: Callable[[str], bool]) -> bool:
    for node in module.index.find(function, cst.Name, cst.SimpleString):
        if type(node) is cst.Name:
            if tells(node.value):
                return True
        elif len(node.value) < LONG and UTTERANCE.search(node.value):
            return True
    return False


def counted(candidate: Candidate) -> frozenset[str]:
    """What the candidate sets, itself or through other methods of its class that it mentions."""
    found = set(written(candidate.node))
    if candidate.owner is not None:
        mentioned = {n.attr.value for n in find(candidate.node, cst.Attribute)}
        for helper in candidate.owner.body.body:
            if isinstance(helper, cst.FunctionDef) and helper.name.value in mentioned:
                found |= set(written(helper))
    return frozenset(found)


def written(function: cst.FunctionDef) -> Iterator[str]:
    """The attributes (of whatever object) that the function sets or changes."""
    for node in find(function, cst.AssignTarget, cst.AnnAssign, cst.AugAssign, cst.Call):
        targets: list[cst.CSTNode] = []
        if isinstance(node, (cst.AssignTarget, cst.AnnAssign, cst.AugAssign)):
            targets = [node.target]
            if isinstance(node.target, (cst.Tuple, cst.List)):
                targets = [e.value for e in node.target.elements]
        elif isinstance(node, cst.Call):
            if (
                dotted(node.func) == "setattr"
                and len(node.args) > 1
                and isinstance(node.args[1].value, cst.SimpleString)
            ):
                yield str(string_value(node.args[1].value))
            if isinstance(node.func, cst.Attribute) and node.func.attr.value in ("add", "append", "clear", "update"):
                targets = [node.func.value]
        for target in targets:
            while isinstance(target, cst.Subscript):
                target = target.value
            if isinstance(target, cst.Attribute):
                yield target.attr.value
