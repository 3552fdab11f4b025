"""Nothing is lost silently: what is not in the converted app is in the ledger, with who took it and why.

Independent of the tool's own book-keeping: what there is to lose is counted with `ast` and `tokenize`.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections import Counter
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from endtoend_support import Conversion, Tree

from lk_migrate.model import Fate, LedgerEntry

LONG = 20  # characters; shorter strings are too common to follow


class Thing(NamedTuple):
    """Something of a person's program. `key` is the same wherever it stands; `line` is where it stood."""

    key: str
    path: str
    line: int
    end_line: int


def parsed(tree: Tree) -> Iterator[tuple[str, ast.Module, bytes]]:
    for path, (data, _) in tree.items():
        if path.endswith(".py"):
            yield path, ast.parse(data), data


def definitions(tree: Tree) -> Iterator[Thing]:
    """Every class and function, methods by the name of their class; where a function is nested does not matter."""

    def below(node: ast.AST, inside: str, path: str) -> Iterator[Thing]:
        for child in ast.iter_child_nodes(node):
            here = inside
            if isinstance(child, ast.ClassDef):
                yield Thing(f"class {child.name}", path, child.lineno, child.lineno)
                here = f"{child.name}."
            elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
                yield Thing(f"def {inside}{child.name}", path, child.lineno, child.lineno)
                here = ""
            yield from below(child, here, path)

    for path, module, _ in parsed(tree):
        yield from below(module, "", path)


def constants(tree: Tree) -> Iterator[Thing]:
    """Every name that a module or a class body assigns to."""
    for path, module, _ in parsed(tree):
        bodies = [("", module.body)]
        bodies += [(f"{c.name}.", c.body) for c in ast.walk(module) if isinstance(c, ast.ClassDef)]
        for prefix, body in bodies:
            for node in body:
                targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
                for name in (n for t in targets if t is not None for n in ast.walk(t)):
                    if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                        yield Thing(f"{prefix}{name.id}", path, node.lineno, node.lineno)


def strings(tree: Tree) -> Iterator[Thing]:
    """Every string literal worth following, docstrings and the fixed parts of f-strings included."""
    for path, module, _ in parsed(tree):
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) > LONG:
                text = " ".join(node.value.split())  # the indentation of a docstring may change
                yield Thing(repr(text), path, node.lineno, node.end_lineno or node.lineno)


def comments(tree: Tree) -> Iterator[Thing]:
    for path, (data, _) in tree.items():
        if path.endswith(".py"):
            for token in tokenize.tokenize(io.BytesIO(data).readline):
                if token.type == tokenize.COMMENT:
                    yield Thing(token.string.strip(), path, token.start[0], token.start[0])


def lost(conversion: Conversion, things: Callable[[Tree], Iterator[Thing]]) -> list[Thing]:
    """What there was more of before. Of several equal things, those in the files with fewer of them are meant."""
    before = list(things(conversion.before))
    after = list(things(conversion.after))
    missing = Counter(t.key for t in before) - Counter(t.key for t in after)
    homes = Counter((t.key, t.path) for t in after)
    found = []
    for thing in before:
        if not missing[thing.key]:
            continue
        if homes[thing.key, thing.path]:
            homes[thing.key, thing.path] -= 1  # it may be this one that stayed
        found.append(thing)
    return found


def accounted_for(thing: Thing, conversion: Conversion) -> bool:
    """Whether the ledger says of every line of `thing` that somebody took it out or rewrote it, and why."""
    entries = [e for e in conversion.ledger_of(thing.path) if covers(e, thing)]
    return bool(entries) and all(e.fate in (Fate.REMOVED, Fate.REWRITTEN) and e.rule and e.why for e in entries)


def covers(entry: LedgerEntry, thing: Thing) -> bool:
    return entry.place.line <= thing.end_line and thing.line <= entry.place.end_line


@pytest.mark.parametrize("things", [definitions, constants, strings, comments])
def test_what_is_gone_is_accounted_for(conversion: Conversion, things: Callable[[Tree], Iterator[Thing]]) -> None:
    gone: dict[str, list[Thing]] = {}
    for thing in lost(conversion, things):
        gone.setdefault(thing.key, []).append(thing)
    missing = Counter(t.key for t in things(conversion.before)) - Counter(t.key for t in things(conversion.after))
    silent = [
        f"{key} {', '.join(f'{t.path}:{t.line}' for t in there)}"
        for key, there in gone.items()
        if sum(accounted_for(t, conversion) for t in there) < missing[key]
    ]
    assert not silent


@pytest.mark.parametrize("things", [definitions, constants, strings, comments])
def test_there_is_something_to_lose(conversion: Conversion, things: Callable[[Tree], Iterator[Thing]]) -> None:
    assert sum(1 for _ in things(conversion.before)) > 5


def test_the_ledger_sums_to_all_statements(conversion: Conversion) -> None:
    """Every statement and every comment of a changed file is in exactly one entry; so is every line with text."""
    for path in conversion.changed:
        data = conversion.before[path][0]
        entries = conversion.ledger_of(path)
        rows = Counter(n for e in entries for n in range(e.place.line, e.place.end_line + 1))
        starts = {
            min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", ()))])
            for node in ast.walk(ast.parse(data))
            if isinstance(node, ast.stmt)
        }
        remarks = {t.line for t in comments({path: (data, 0)})}
        assert starts | remarks <= rows.keys(), path
        missing = [n for n, line in enumerate(data.splitlines(), 1) if line.strip() and n not in rows]
        assert not missing, f"{path}: lines {missing}"
        twice = [n for n, count in rows.items() if count > 1]
        assert not twice, f"{path}: lines {twice} are accounted for twice"


def test_every_entry_has_its_reason(conversion: Conversion) -> None:
    for entry in conversion.plan.ledger:
        if entry.fate in (Fate.REMOVED, Fate.REWRITTEN, Fate.MARKER):
            assert entry.why, entry
            imports = entry.why == "imports follow the names in use"
            assert entry.rule or imports, entry


def test_what_is_kept_or_moved_is_there(conversion: Conversion) -> None:
    """Line by line and as often as it was: a line that stands twice before must not stand once."""
    there: Counter[str] = Counter()
    at_home: dict[str, set[str]] = {}
    for path, (data, _) in conversion.after.items():
        lines = [line.strip() for line in data.decode("utf-8", "replace").splitlines()]
        there.update(lines)
        at_home[path] = set(lines)
    needed: Counter[str] = Counter()
    for entry in conversion.plan.ledger:
        path = entry.place.path
        if entry.fate not in (Fate.KEPT, Fate.MOVED):
            continue
        lines = conversion.before[path][0].decode("utf-8", "replace").splitlines()
        for line in lines[entry.place.line - 1 : entry.place.end_line]:
            needed[line.strip()] += bool(line.strip())
            if entry.fate is Fate.KEPT and line.strip():
                assert line.strip() in at_home[path], f"{entry.place} is not in its file: {line}"
    assert not needed - there


def test_only_changed_files_are_in_the_ledger(conversion: Conversion) -> None:
    """The changed code, and the manifests that were raised."""
    paths = {e.place.path for e in conversion.plan.ledger}
    assert {p for p in paths if p.endswith(".py")} == conversion.changed
    assert paths <= {c.path for c in conversion.plan.changes if c.before is not None}
    assert {c.path for c in conversion.plan.changes if c.before is not None} <= paths
