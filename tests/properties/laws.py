"""What holds for every input whatever: checked on one input at a time, by the tests and by bench/fuzz.py."""

from __future__ import annotations

import ast
import io
import tokenize
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lk_migrate.facts.imports import names_bound_by
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Fate, FileChange, LedgerEntry, Skipped
from lk_migrate.plan import ConvertOptions, make_plan, overlay
from lk_migrate.rewrite.engine import FileResult, convert_file
from lk_migrate.rules.registry import Rule, all_rules


class Broken(Exception):
    """An input for which a law does not hold; the message says which."""


@dataclass(frozen=True)
class Checked:
    """`outcome`: changed, new main (and changed), settled (see `_settles`), same, unreadable.
    `rules`: those that met something in it.
    """

    outcome: str
    rules: frozenset[str] = frozenset()


#: What runs together, and what runs by itself after it, on a main module that is written anew.
TOGETHER = tuple(rule for rule in all_rules() if not rule.before_new_main)
BEFORE_NEW_MAIN = tuple(rule for rule in all_rules() if rule.before_new_main)


def converted(data: bytes) -> FileResult:
    """The file through the rules that run together."""
    return _through(Project({"main.py": data}), TOGETHER)


def _through(project: Project, rules: Sequence[Rule]) -> FileResult:
    return convert_file("main.py", project, rules)


def check_laws(data: bytes) -> str:
    """What became of one file; raises `Broken`."""
    return checked({"main.py": data}).outcome


def checked(files: Mapping[str, bytes]) -> Checked:
    """A file by itself, without a new main module, or a project with all that goes with it. Raises `Broken`."""
    if list(files) != ["main.py"]:
        return _checked_project(files)
    data, project = files["main.py"], Project(files)
    result = _through(project, TOGETHER)
    rules = frozenset(f.rule for f in result.findings)
    if result.skipped is not None:
        _check_skipped(data, result.skipped)
        return Checked("unreadable", rules)
    if result.change is None:
        return Checked("same", rules | _check_readied(project))
    after = result.change.after or b""
    _check_file(data, after, result.ledger)
    rewritten = Project({"main.py": after})
    rules |= _check_readied(rewritten)
    again = _through(rewritten, TOGETHER)
    if again.skipped is not None:
        raise Broken(f"its conversion is skipped: {again.skipped.reason}")
    if again.change is not None:
        second = {"main.py": again.change.after or b""}
        return Checked(_settles(files, {"main.py": after}, second, lambda f: converted(f["main.py"]).change), rules)
    return Checked("changed", rules)


def _check_readied(project: Project) -> frozenset[str]:
    """What runs before a new main module is written keeps the laws, too; the rules of it that met something."""
    data = project.files["main.py"]
    result = _through(project, BEFORE_NEW_MAIN)
    if result.skipped is not None:
        _check_skipped(data, result.skipped)
    elif result.change is not None:
        after = result.change.after or b""
        _check_file(data, after, result.ledger)
        if _through(Project({"main.py": after}), BEFORE_NEW_MAIN).change is not None:
            raise Broken("not idempotent before a new main")
    return frozenset(f.rule for f in result.findings)


def _checked_project(files: Mapping[str, bytes]) -> Checked:
    """Converted as a project is, and where that writes a new main module, without one, too."""
    found = _checked_plan(files, ConvertOptions())
    if found.outcome != "new main":
        return found
    return Checked("new main", found.rules | _checked_plan(files, ConvertOptions(no_main=True)).rules)


def _checked_plan(files: Mapping[str, bytes], options: ConvertOptions) -> Checked:
    plan = make_plan(files, options)
    rules = frozenset(f.rule for f in plan.findings)
    for skipped in plan.skipped:
        _check_skipped(files[skipped.path], skipped)
    if not plan.changes:
        return Checked("unreadable" if plan.skipped else "same", rules)
    after = overlay(files, plan.changes)
    for change in plan.changes:
        if change.path.endswith(".py"):
            _check_change(change, files, [e for e in plan.ledger if e.place.path == change.path])
    check_moved_comments(files, after, plan.ledger)
    again = make_plan(after, options)
    if lost := {s.path for s in again.skipped} - {s.path for s in plan.skipped}:
        raise Broken(f"the conversion of {min(lost)} is skipped")
    outcome = "changed"
    if again.changes:
        second = overlay(after, again.changes)
        outcome = _settles(files, after, second, lambda f: make_plan(f, options).changes)
    return Checked("new main" if plan.main is not None else outcome, rules)


def _check_change(change: FileChange, files: Mapping[str, bytes], ledger: Sequence[LedgerEntry]) -> None:
    """One file of a project; a new one compiles when all compiled that it may have come from."""
    if change.before is not None:
        _check_file(change.before, change.after or b"", ledger)
    elif all(_compiles(data) is None for path, data in files.items() if path.endswith(".py")):
        _check_python(b"", change.after or b"")


def _check_skipped(data: bytes, skipped: Skipped) -> None:
    ours = "bug in lk-migrate" in skipped.reason or "would be lost" in skipped.reason
    if ours and not _is_no_program(data):
        raise Broken(skipped.reason)


def _check_file(before: bytes, after: bytes, ledger: Sequence[LedgerEntry]) -> None:
    _check_python(before, after)
    _check_bytes(before, after)
    _check_comments(before, after, ledger)


def _settles(
    files: Mapping[str, bytes],
    first: Mapping[str, bytes],
    second: Mapping[str, bytes],
    more: Callable[[Mapping[str, bytes]], object],
) -> str:
    """A second run may find more to do in a file that could not run itself, and in no other; the third run then has
    nothing to do.
    """
    changed = [path for path in second if first.get(path) != second[path]]
    if unexcused := [p for p in changed if not _could_not_run(files.get(p, b""), first.get(p, b""))]:
        raise Broken(f"not idempotent: {', '.join(unexcused)}")
    if more(second):
        raise Broken("not settled by a second run")
    return "settled"


def _could_not_run(before: bytes, after: bytes) -> bool:
    """Python would not compile it, or it used a name that nothing in it bound, until the first run imported it."""
    if _is_no_program(before):
        return True
    if before == after or _compiles(before) is not None:
        return False
    module = Module.parse("main.py", before)
    unbound = set(module.references.words) - _imported(module) - names_bound_by(module.index.nodes)
    return not unbound.isdisjoint(_imported(Module.parse("main.py", after)))


def _imported(module: Module) -> set[str]:
    return {i.local for i in module.imports}


def _check_python(before: bytes, after: bytes) -> None:
    if _compiles(before) is None and (problem := _compiles(after)) is not None:
        raise Broken(f"does not compile: {problem}")


def _is_no_program(data: bytes) -> bool:
    """Whether it is the right syntax and yet nothing that could run: an argument given twice, a `return` in a class."""
    try:
        ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # newer syntax, perhaps
    return _compiles(data) is not None


def _compiles(data: bytes) -> str | None:
    """None, or why not: `ast` alone takes an argument twice, or `await` outside a coroutine."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(data, "main.py", "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return str(error)
    return None


def _check_bytes(before: bytes, after: bytes) -> None:
    bom = b"\xef\xbb\xbf"
    if before.startswith(bom) != after.startswith(bom):
        raise Broken("the byte order mark came or went")
    if before.count(b"\n") == before.count(b"\r\n") > 0 and after.count(b"\n") != after.count(b"\r\n"):
        raise Broken("CRLF got mixed")
    if b"\r" not in before and b"\r" in after:
        raise Broken("a carriage return came from nowhere")


def _check_comments(before: bytes, after: bytes, ledger: Sequence[LedgerEntry]) -> None:
    """What is gone stood on lines that the ledger does not call kept."""
    if b"#" not in before:
        return
    old, new = _comments(before), Counter(text for _, text in _comments(after))
    told = {n for e in ledger if e.fate is not Fate.KEPT for n in range(e.place.line - 1, e.place.end_line + 1)}
    gone = Counter(text for _, text in old) - new
    for line, text in old:
        if text in gone and line in told:
            gone[text] -= 1
    if +gone:
        raise Broken(f"comments lost: {list(+gone)[:3]}")


def check_moved_comments(files: Mapping[str, bytes], after: Mapping[str, bytes], ledger: Sequence[LedgerEntry]) -> None:
    """What stood on lines that the ledger calls moved is in a file that the ledger names."""
    moved = [e for e in ledger if e.fate is Fate.MOVED and e.to is not None and b"#" in files.get(e.place.path, b"")]
    old = {path: _comments(files[path]) for path in {e.place.path for e in moved}}
    new = {path: {text for _, text in _comments(after.get(path, b""))} for path in {e.to.path for e in moved if e.to}}
    for entry in moved:
        for line, text in old[entry.place.path]:
            if entry.place.line <= line <= entry.place.end_line and entry.to and text not in new[entry.to.path]:
                raise Broken(f"comment lost on its way from {entry.place.path}:{line}: {text}")


def _comments(data: bytes) -> list[tuple[int, str]]:
    try:
        lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # as Python reads them
        tokens = list(tokenize.tokenize(io.BytesIO(lines).readline))
    except (tokenize.TokenError, SyntaxError, UnicodeError):
        return []
    return [(t.start[0], t.string.rstrip()) for t in tokens if t.type == tokenize.COMMENT]
