"""Collaborators of an agent: the project's other classes and functions, which can be made to raise.

What a tool makes of an error is part of what it does: an `except` that catches more, or less, than before shows only
when something raises.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import inspect
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

from lk_migrate_child.events import in_project


class CollaboratorFailed(Exception):
    """What no code can have a handler of its own for."""


class Collaborators:
    """The collaborators of one agent class: which are called, and the one that fails."""

    def __init__(self, agent: type) -> None:
        self._own = set(agent.__mro__)
        self._active = False
        self._called: set[str] = set()
        self._failing: tuple[str, str] | None = None
        self._functions = dict(self._found())

    @contextlib.contextmanager
    def watched(self, failing: tuple[str, str] | None) -> Iterator[None]:
        """Note every call; the collaborator of `failing`, a name and the name of an exception, raises that."""
        self._failing = failing
        wrapped = {id(function): self._wrapped(name, function) for name, function in self._functions.items()}
        before = list(self._places())
        for owner, name, value in before:
            inner = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            wrapper = wrapped.get(id(inner))
            if wrapper is not None:
                setattr(owner, name, type(value)(wrapper) if inner is not value else wrapper)
        try:
            yield
        finally:
            for owner, name, value in before:
                setattr(owner, name, value)

    @contextlib.contextmanager
    def during_a_step(self) -> Iterator[set[str]]:
        """Only now does something fail; the names of what was called."""
        self._active, self._called = True, set()
        try:
            yield self._called
        finally:
            self._active = False

    def errors(self, name: str) -> list[str]:
        """The project's own exceptions that the collaborator's module knows, which it may raise."""
        module = sys.modules.get(self._functions[name].__module__)
        known = vars(module).items() if module is not None else ()
        return sorted(name for name, value in known if isinstance(value, type) and _is_error_of_project(value))

    def _found(self) -> Iterator[tuple[str, Callable[..., Any]]]:
        for _, _, value in self._places():
            function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
            yield function.__qualname__, function

    def _places(self) -> Iterator[tuple[Any, str, Any]]:
        """Where a collaborator is bound: owner, name, what is there."""
        for module in [one for one in list(sys.modules.values()) if _is_project(one)]:
            for name, value in list(vars(module).items()):
                if isinstance(value, types.FunctionType) and in_project(value.__code__.co_filename) is not None:
                    yield module, name, value
                elif isinstance(value, type) and value.__module__ == module.__name__ and self._is_collaborator(value):
                    yield from _methods(value)

    def _is_collaborator(self, cls: type) -> bool:
        from livekit.agents import Agent
        from pydantic import BaseModel

        return cls not in self._own and not issubclass(cls, (Agent, BaseModel, BaseException, enum.Enum))

    def _on_call(self, name: str) -> None:
        if not self._active:
            return
        self._called.add(name)
        if self._failing is not None and self._failing[0] == name:
            raise self._error(name, self._failing[1])

    def _error(self, name: str, error: str) -> Exception:
        text = f"{name} fails, for verify wants it to"
        module = sys.modules.get(self._functions[name].__module__)
        cls = getattr(module, error, CollaboratorFailed)
        with contextlib.suppress(Exception):
            raised = cls(text)
            if isinstance(raised, Exception):
                return raised
        return CollaboratorFailed(text)

    def _wrapped(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def coroutine(*args: Any, **kwargs: Any) -> Any:
                self._on_call(name)
                return await function(*args, **kwargs)

            return coroutine

        @functools.wraps(function)
        def plain(*args: Any, **kwargs: Any) -> Any:
            self._on_call(name)
            return function(*args, **kwargs)

        return plain


def _is_project(module: Any) -> bool:
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and in_project(file) is not None


def _is_error_of_project(cls: type) -> bool:
    return issubclass(cls, Exception) and _is_project(sys.modules.get(cls.__module__))


def _methods(cls: type) -> Iterator[tuple[Any, str, Any]]:
    for name, value in list(vars(cls).items()):
        function = value.__func__ if isinstance(value, (staticmethod, classmethod)) else value
        if isinstance(function, types.FunctionType) and not name.startswith("__"):
            yield cls, name, value
