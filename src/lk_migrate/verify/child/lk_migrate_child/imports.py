"""Call a function with a module once it has been imported, whenever that is."""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import sys
from collections.abc import Callable, Mapping, Sequence
from types import ModuleType
from typing import Any

Execute = Callable[[ModuleType, Callable[[ModuleType], None]], None]


class _Loader(importlib.abc.Loader):
    """The module's own loader, with `execute` around its execution."""

    def __init__(self, inner: Any, execute: Execute) -> None:
        self._inner = inner
        self._execute = execute

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._inner.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        self._execute(module, self._inner.exec_module)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, hooks: Mapping[str, Execute]) -> None:
        self._hooks = hooks

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        execute = self._hooks.get(fullname)
        if execute is None:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(fullname, path, target)
            if spec is not None and spec.loader is not None:
                spec.loader = _Loader(spec.loader, execute)
                return spec
        return None


def around_import(hooks: Mapping[str, Execute]) -> None:
    """Run `hooks[name](module, execute)` in place of executing the module `name`."""
    sys.meta_path.insert(0, _Finder(hooks))
