"""Plugins of LiveKit's are imported at the top of a module, not inside its functions.

A plugin registers itself when it is imported, and only on the main thread. `python main.py console` runs the call on
another one, so that an import in its way ends it: "Plugins must be registered on the main thread". An import that is
always reached goes to the top, and so does one under a condition whose package the requirements name. Any other may be
of a package that not everybody installs; it stays, with a marker, as does one in a `try` that goes on without it.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.gates import is_hand_rolled
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.late_plugins import WORDS, LatePlugin, late_plugins, loaded_early
from lk_migrate.facts.plugin_addresses import todays_address
from lk_migrate.facts.project import Project
from lk_migrate.facts.testcode import is_test
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Remove, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.markers import enumerated
from lk_migrate.rules.registry import Rule


def paths(project: Project) -> frozenset[str]:
    """The files that import plugins, in a program that had no console until now: hand-rolled, or of 0.x."""
    if not is_hand_rolled(project) and not project.fact(holdings).constructions:
        return frozenset()
    return project.paths_with(WORDS)


rule = Rule("LK131", Edition.HANDROLLED, __doc__, triggers=WORDS, paths=paths)


@rule.on(cst.Module)
def import_early(tree: cst.Module, file: File) -> Iterator[Change]:
    if is_test(file.path):
        return
    early = set(file.project.fact(loaded_early))
    left: list[LatePlugin] = []
    for each in late_plugins(file.project, file.module):
        if not each.why_not and all(file.use_early(todays_address(item.target), item.local) for item in each.names):
            early.update(each.plugins)
            yield _without(each, file)
        else:
            left.append(each)
    late = [each for each in left if not early.issuperset(each.plugins)]
    for function in dict.fromkeys(file.enclosing(each.statement, cst.FunctionDef) for each in late):
        some = [each for each in late if file.enclosing(each.statement, cst.FunctionDef) is function]
        yield Todo(some[0].statement, _message(some))


def _without(late: LatePlugin, file: File) -> Remove:
    """The statement taken out, with what its line says to tools; other comments stay."""
    plugins = " and ".join(f"`{p}`" for p in late.plugins)
    behind = getattr(file.statement(late.statement), "trailing_whitespace", None)
    comment = behind.comment if behind is not None else None
    gone = (comment,) if comment is not None and _is_for_tools(comment.value) else ()
    return Remove(
        late.statement, f"{plugins} is imported at the top: plugins register on the main thread only", comments=gone
    )


def _is_for_tools(comment: str) -> bool:
    """`# noqa: PLC0415`."""
    return comment.lstrip("# ").lower().startswith(("noqa", "pylint:", "type: ignore", "isort:", "ruff:"))


def _message(left: list[LatePlugin]) -> str:
    plugins = list(dict.fromkeys(p for each in left for p in each.plugins))
    are = "are plugins that are" if len(plugins) > 1 else "is a plugin that is"
    return (
        f"{enumerated(plugins)} {are} imported when a call has begun, where `python main.py console` ends with "
        '"Plugins must be registered on the main thread". Import at the top of this module what you install, and what '
        "not everybody installs in a `try:` with `except ImportError:` there."
    )
