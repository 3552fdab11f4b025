"""What evaluation computes with: stand-ins for what only a running program knows, and how it can end early."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import libcst as cst

from lk_migrate.facts.lineage import Class
from lk_migrate.facts.module import Module

#: Names that identify what the user just said, or the answer to it.
UTTERANCE = re.compile(r"speech|utterance|turn_?(id|no|num|key|count|index)|^_?(current_)?turn$|generation_?id", re.I)

#: Stands for a number that only the outside knows (an argument, an environment variable).
PROBE = 3

#: The scopes around a place in the code, innermost last: names and their values.
Scopes = tuple[dict[str, Any], ...]


class Undecidable(Exception):
    """The outcome depends on something that cannot be known from the code."""


class Returned(Exception):
    """The function ended with `return`."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Raised(Exception):
    """The function raised; `value` is the evaluated exception."""

    def __init__(self, value: Any, name: str) -> None:
        self.value = value
        self.name = name


@dataclass(frozen=True)
class Utterance:
    """The id of one thing that the user said; `handle`: the SpeechHandle that has it."""

    number: int
    handle: bool = False


@dataclass(frozen=True)
class Unknown:
    """A stand-in. `given`: it is handed in from outside (an argument, the environment) and does not change."""

    origin: str
    given: bool = False


@dataclass(frozen=True)
class External:
    """A library's function, class or module by its full name."""

    name: str


@dataclass(eq=False)
class Instance:
    """An object of a project class (`line[0]`; empty: of an unknown one) with the attributes it has so far."""

    line: tuple[Class, ...] = ()
    arguments: Mapping[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Function:
    """A function with the scopes it was made in."""

    module: Module
    node: cst.FunctionDef | cst.Lambda
    scopes: Scopes = ()
    bound: Instance | None = None
    attributes: dict[str, Any] = field(default_factory=dict)


@dataclass(eq=False)
class Wrapped:
    """The tool that a decorator wraps: calling it means that the call was let through."""

    calls: int = 0
