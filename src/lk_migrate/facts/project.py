"""All files seen together: modules parsed on demand, and names followed from file to file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module, module_name
from lk_migrate.facts.nesting import is_too_deep
from lk_migrate.facts.outline import Definition, sure_definition
from lk_migrate.model import Skipped

Fact = TypeVar("Fact")

#: `voice/livekit/` is a folder name that lies near, and `from livekit.agents import …` beside it means the framework
#: unless that folder has an `agents` of its own.
FRAMEWORK = "livekit"

#: Not asked yet (an answer may be None).
_UNKNOWN: Any = object()


@dataclass(frozen=True, slots=True)
class Symbol:
    """What a name finally stands for.

    `module` and `node` are given for what the project defines itself; `name` is then the name in that module.
    For everything else `name` is the full dotted name, e.g. `livekit.agents.AgentSession`.
    """

    name: str
    module: Module | None = None
    node: cst.CSTNode | None = None


@dataclass
class Project:
    """The Python files of a project as bytes (`files`: path → bytes), parsed once each, when asked for.

    `targets`: the paths that the person named (the agents are there); empty means the whole project.
    `plugins`: those that its manifests name (manifests/declared.py).
    """

    files: Mapping[str, bytes]
    targets: frozenset[str] = frozenset()
    plugins: frozenset[str] = frozenset()
    skipped: dict[str, Skipped] = field(default_factory=dict)
    _parsed: dict[str, Module | None] = field(default_factory=dict)
    _printed: Mapping[str, cst.Module] = field(default_factory=dict)
    _facts: dict[Any, Any] = field(default_factory=dict)
    _resolved: dict[cst.CSTNode, Symbol | None] = field(default_factory=dict)
    _followed: dict[tuple[str, str], Symbol | None] = field(default_factory=dict)
    _sure: dict[tuple[str, str], Definition | None] = field(default_factory=dict)
    _library_names: dict[cst.CSTNode, str | None] = field(default_factory=dict)
    _speaking: dict[bytes, frozenset[str]] = field(default_factory=dict)
    _named: dict[str, frozenset[str]] = field(default_factory=dict)

    def fact(self, compute: Callable[[Project], Fact]) -> Fact:
        """`compute(self)`, once per project: how rules share what several of them need to know."""
        found = self._facts.get(compute, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._facts[compute] = compute(self)
        return found  # type: ignore[no-any-return]

    def suppose(self, compute: Callable[[Project], Fact], answer: Fact) -> Project:
        """The project itself, which takes `answer` for the fact; before anything else was asked."""
        self._facts[compute] = answer
        return self

    def after(self, files: Mapping[str, bytes], trees: Mapping[str, cst.Module]) -> Project:
        """The same project with other files; what has not changed is not parsed again.

        `trees`: path → what was printed as the new bytes. One that holds a node twice is not taken: a node stands in
        one place for us.
        """
        same = {p for p, data in self.files.items() if files.get(p) == data}
        known: dict[str, Module | None] = {p: m for p, m in self._parsed.items() if m is not None and p in same}
        printed = {p: tree for p, tree in self._printed.items() if p in same}
        return Project(files, self.targets, self.plugins, _parsed=known, _printed={**printed, **trees})

    def module(self, path: str) -> Module | None:
        """The parsed file, or None (and an entry in `skipped`) when it cannot be parsed."""
        if path not in self._parsed:
            self._parsed[path] = self._reused(path) or self._parse(path)
        return self._parsed[path]

    def is_parsed(self, path: str) -> bool:
        """Whether `module(path)` is at hand."""
        return path in self._parsed

    def _reused(self, path: str) -> Module | None:
        """The file as the tree that its bytes were printed from (see `after`)."""
        if path not in self._printed:
            return None
        module = Module(path, module_name(path), self.files[path], self._printed[path])
        return module if len(module.index.at) == len(module.index.nodes) else None

    def forget(self) -> None:
        """Free what was parsed and found out: of no use to anybody afterwards. What was found out holds its project,
        and closures that were evaluated to try a gate hold themselves and their modules, so that neither ever goes by
        itself where nobody looks for cycles (read.py).
        """
        for module in self._parsed.values():
            if module is not None:
                module.forget()
        for known in (self._facts, self._parsed, self._resolved, self._followed, self._library_names):
            known.clear()
        self._printed = {}

    def forget_places(self, path: str) -> None:
        """See `Module.forget_places`; a file that was never parsed has none."""
        module = self._parsed.get(path)
        if module is not None:
            module.forget_places()

    def _parse(self, path: str) -> Module | None:
        data = self.files.get(path)
        if data is None:
            return None
        if b"\0" in data:
            self.skipped[path] = Skipped(path, "cannot be parsed: it holds a NUL byte")
            return None
        if is_too_deep(data):
            self.skipped[path] = Skipped(path, "is nested too deeply to be parsed")
            return None
        try:
            return Module.parse(path, data)
        except cst.ParserSyntaxError as error:
            self.skipped[path] = Skipped(
                path, f"cannot be parsed: line {error.raw_line}: {error.message.splitlines()[0]}"
            )
        except (UnicodeError, LookupError, SyntaxError) as error:
            self.skipped[path] = Skipped(path, f"cannot be decoded: {error}")
        except RecursionError:
            self.skipped[path] = Skipped(path, "is nested too deeply to be parsed")
        except Exception as error:  # LibCST's native parser may fail in its own ways: one bad file stops nothing
            self.skipped[path] = Skipped(path, f"cannot be parsed: {error}")
        return None

    def modules(self, paths: Iterator[str] | None = None) -> Iterator[Module]:
        """Every file of `paths` (default: all) that can be parsed."""
        for path in sorted(self.files) if paths is None else paths:
            module = self.module(path)
            if module is not None:
                yield module

    def paths_with(self, words: Iterable[bytes]) -> frozenset[str]:
        """The files in which one of these words stands."""
        return frozenset().union(*map(self._with, words))

    def _with(self, word: bytes) -> frozenset[str]:
        """The same words are asked for again and again."""
        found = self._speaking.get(word)
        if found is None:
            found = self._speaking[word] = frozenset(p for p, data in self.files.items() if word in data)
        return found

    def paths_naming(self, names: Iterable[str]) -> list[str]:
        """The files, by name, in which one of these names stands as a word by itself."""
        return sorted(frozenset().union(*map(self._naming, names)))

    def _naming(self, name: str) -> frozenset[str]:
        found = self._named.get(name)
        if found is None:
            word = name.encode()
            whole = re.compile(rb"%s(?!\w)(?<!\w%s)" % (re.escape(word), re.escape(word)))
            found = self._named[name] = frozenset(p for p in self._with(word) if whole.search(self.files[p]))
        return found

    def home(self, node: cst.CSTNode) -> Module | None:
        """The file, among those parsed so far, that `node` stands in."""
        return next((m for m in self._parsed.values() if m is not None and id(node) in m.index.at), None)

    def find(self, name: str, importer: str) -> Module | None:
        """The project's file behind the dotted module `name`, as `importer` (a path) would import it.

        Looked for beside the importer, then in each folder above it, then in `src/`: people start their
        programs in different folders.
        """
        path = self.path_of(name, importer)
        return self.module(path) if path is not None else None

    @cached_property
    def _stems(self) -> frozenset[str]:
        """The last parts of the names that the project's modules and packages have."""
        modules = [path.removesuffix(".py") for path in self.files]
        packages = [module.removesuffix("/__init__") for module in modules if module.endswith("/__init__")]
        return frozenset(end.rpartition("/")[2] for end in (*modules, *packages))

    def path_of(self, name: str, importer: str) -> str | None:
        """The path that `find` would parse."""
        if name.rpartition(".")[2] not in self._stems:  # (most names are a library's)
            return None
        tail = name.replace(".", "/")
        folder = importer.rpartition("/")[0]
        while True:
            prefix = f"{folder}/" if folder else ""
            for candidate in (f"{prefix}{tail}.py", f"{prefix}{tail}/__init__.py"):
                if candidate in self.files:
                    return candidate
            if not folder:
                break
            folder = folder.rpartition("/")[0]
        for candidate in (f"src/{tail}.py", f"src/{tail}/__init__.py"):
            if candidate in self.files:
                return candidate
        return None

    def resolve(self, module: Module, expression: cst.CSTNode) -> Symbol | None:
        """What `expression` (a name or attribute chain in `module`) stands for, re-exports followed.

        None for what is local to a function, or not a chain of names.
        """
        found = self._resolved.get(expression, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._resolved[expression] = self._resolve(module, expression)
        return found

    def _resolve(self, module: Module, expression: cst.CSTNode) -> Symbol | None:
        name = dotted(expression)
        if name is None:
            return None
        target = module.target_of(expression)
        if target is not None:
            key = (target, module.path)
            if key not in self._followed:
                self._followed[key] = self._follow(target, module.path, 0)
            return self._followed[key]
        head, _, rest = name.partition(".")
        if module.is_local(head, expression):
            return None
        return self._in_module(module, head, rest, 0)

    def resolve_name(self, module: Module, name: str) -> Symbol | None:
        """What the dotted `name` stands for at module level of `module`."""
        head, _, rest = name.partition(".")
        return self._in_module(module, head, rest, 0)

    def _in_module(self, module: Module, head: str, rest: str, depth: int) -> Symbol | None:
        if depth > 20:
            return None
        node = module.definitions.get(head)
        imported = module.import_of(head, module.tree.body[0]) if module.tree.body else None
        if imported is not None and not isinstance(node, (cst.ClassDef, cst.FunctionDef)):
            target = f"{imported.target}.{rest}" if rest else imported.target
            return self._follow(target, module.path, depth + 1)
        if node is not None:
            alias = dotted(node) if not rest else None
            if alias is not None and alias != head and alias not in ("None", "object"):
                # `Base = agents.Agent`: an alias at module level
                followed = self._in_module(module, *_split(alias), depth + 1)
                if followed is not None:
                    return followed
            return Symbol(f"{head}.{rest}" if rest else head, module, node if not rest else None)
        for star in module.stars:
            if self.path_of(star.target, module.path):
                found = self._follow(f"{star.target}.{head}", module.path, depth + 1)
                if found is not None and found.module is not None:
                    return found
        return None

    def _follow(self, target: str, importer: str, depth: int) -> Symbol | None:
        """The longest prefix of `target` that is a project module, then the rest inside it."""
        if depth > 20:
            return None
        parts = target.split(".")
        for size in range(len(parts), 0, -1):
            module = self.find(".".join(parts[:size]), importer)
            if module is None or (module.path == importer and size < len(parts) and depth > 10):
                continue
            rest = parts[size:]
            if not rest:
                return Symbol(target, module, module.tree)
            found = self._in_module(module, rest[0], ".".join(rest[1:]), depth + 1)
            if found is None and parts[0] == FRAMEWORK and (size == 1 or self.lacks(module, rest[0])):
                break  # a package of the project that only has the framework's name
            return found
        return Symbol(target)

    def lacks(self, module: Module, name: str) -> bool:
        """Whether a module below a folder `livekit` that is no package surely does not have `name`: what imports it
        from there is started where Python does not find that folder."""
        return self.path_of(FRAMEWORK, module.path) is None and _surely_lacks(module, name)

    def is_own(self, target: str, importer: str) -> bool:
        """Whether an import of `target` in `importer` finds a file of the project."""
        found = self._follow(target, importer, 0)
        return found is None or found.module is not None

    def home_of_import(self, module: Module, expression: cst.CSTNode) -> str | None:
        """The project's file that `expression` was imported from (which may have it from another), not parsed; None
        also for what comes from `livekit`, whosever that is."""
        target = module.target_of(expression)
        if target is None or target.startswith(f"{FRAMEWORK}."):
            return None
        parts = target.split(".")
        paths = (self.path_of(".".join(parts[:size]), module.path) for size in range(len(parts), 0, -1))
        return next((path for path in paths if path is not None), None)

    def sure_definition(self, module: Module, expression: cst.CSTNode) -> Definition | None:
        """How another file defines what is imported as `expression`, where that is sure without parsing it; an
        attribute of what it defines is a value.

        None also where that file is parsed already: then `resolve` says more, and costs nothing.
        """
        target = module.target_of(expression) if expression not in self._resolved else None
        if target is None:
            return None
        key = (target, module.path)
        if key not in self._sure:
            self._sure[key] = self._sure_definition(target, module)
        return self._sure[key]

    def _sure_definition(self, target: str, module: Module) -> Definition | None:
        parts = target.split(".")
        for size in range(len(parts), 0, -1):
            path = self.path_of(".".join(parts[:size]), module.path)
            if path is not None:
                if path in self._parsed or len(parts) == size:
                    return None
                found = sure_definition(self.files[path], parts[size])
                return "value" if found is not None and len(parts) > size + 1 else found
        return None

    def full_name(self, module: Module, expression: cst.CSTNode) -> str | None:
        """The dotted library name that `expression` stands for, None for the project's own and local names."""
        if not module.may_be_foreign(expression):
            return None
        found = self._library_names.get(expression, _UNKNOWN)
        if found is _UNKNOWN:
            found = self._library_names[expression] = self._full_name(module, expression)
        return found  # type: ignore[no-any-return]

    def _full_name(self, module: Module, expression: cst.CSTNode) -> str | None:
        if self.sure_definition(module, expression):
            return None
        if type(module.index.parents.get(expression)) in _DEFINITIONS:  # a class or function that is called like it
            return None
        symbol = self.resolve(module, expression)
        if symbol is None or symbol.module is not None:
            return None
        # `livekit.plugins.deepgram.stt.STT` is `livekit.plugins.deepgram.STT`.
        return _PLUGINS_OWN.sub(r"\1", symbol.name) if symbol.name.startswith("livekit.plugins.") else symbol.name


_PLUGINS_OWN = re.compile(r"^(livekit\.plugins\.\w+\.)(?:llm|stt|tts|vad)\.(?=[A-Z])")
_DEFINITIONS = frozenset({cst.FunctionDef, cst.ClassDef})


def _split(name: str) -> tuple[str, str]:
    head, _, rest = name.partition(".")
    return head, rest


#: How a module gets names that it does not spell.
_MORE_NAMES = ("__getattr__", "globals", "vars", "setattr", "importlib", "sys", "__path__", "exec")


def _surely_lacks(module: Module, name: str) -> bool:
    """Whether the module never says `name`, and gets no names from elsewhere."""
    return name not in module.names and not module.stars and not any(word in module.names for word in _MORE_NAMES)
