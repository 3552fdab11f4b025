"""What a listener of metrics reads, also in the functions that it hands its event on to (LK310)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.file import File

#: `{"eou_metrics", …}`, `frozenset({…})`, `"eou_metrics"`.
_CONSTANTS = (cst.Set, cst.Tuple, cst.List, cst.Dict, cst.Call, cst.SimpleString)


def own_words(function: cst.CSTNode) -> frozenset[str]:
    """The names and strings that stand in it."""
    names = {n.value for n in find(function, cst.Name)}
    return frozenset(names | {str(string_value(s)) for s in find(function, cst.SimpleString)})


def constant_words(function: cst.CSTNode, file: File) -> frozenset[str]:
    """The strings in the module's constants that it names: `if kind in SHOWN`, `SHOWN = {"eou_metrics", …}`."""
    named = {n.value for n in find(function, cst.Name)}
    values = (value for name, value in file.module.definitions.items() if name in named)
    strings = (s for value in values if isinstance(value, _CONSTANTS) for s in find(value, cst.SimpleString))
    return frozenset(str(string_value(s)) for s in strings)


def given_to(function: cst.CSTNode, event: str) -> Iterator[str]:
    """The last names of what is called with the variable `event`, or something of it."""
    for call in find(function, cst.Call):
        told = any((dotted(a.value) or "").partition(".")[0] == event for a in call.args)
        name = (dotted(call.func) or "").rpartition(".")[2]
        if event and told and name not in ("collect", "log_metrics"):
            yield name


def words_reached(names: Iterable[str], file: File) -> frozenset[str]:
    """What the project's functions of these names say, and those that they hand on to what they were given."""
    words: set[str] = set()
    reached = [name for name in names if name]
    for name in reached:  # grows while it is read
        for module in file.project.modules(iter(sorted(file.project.paths_with([b"def " + name.encode()])))):
            for function in module.index.of(cst.FunctionDef):
                if function.name.value != name:
                    continue
                words |= own_words(function)
                called = {n for p in function.params.params for n in given_to(function, p.name.value)}
                reached += sorted(called.difference(reached))
    return frozenset(words)
