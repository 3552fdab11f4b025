"""The turn-detector plugin (`MultilingualModel`, `EnglishModel`) is now `inference.TurnDetector`.

Importing `livekit.plugins.turn_detector` raises a DeprecationWarning since 1.6.1. `inference.TurnDetector` listens to
the audio instead of reading the transcript, is part of the core, and is what a session uses by default; it is kept
explicit so that the choice stays visible. It needs a VAD, and it tightens the default endpointing delays to 0.3 and
2.5 s. Thresholds of the two kinds of models cannot be compared.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import foreign
from lk_migrate.facts.framework import constructed, library_name
from lk_migrate.facts.imports import dotted, from_module, referenced_names
from lk_migrate.facts.walk import find, statements
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.leftovers import Leftover
from lk_migrate.rules.registry import Rule

rule = Rule("LK341", Edition.V1, __doc__, triggers=(b"turn_detector",), since="1.6.1", safety=Safety.REVIEW)

_PLUGIN = "livekit.plugins.turn_detector"
_MODELS = frozenset({"MultilingualModel", "EnglishModel", "EOUModel"})


def _is_model(node: cst.CSTNode, file: File) -> bool:
    name = library_name(file.project, file.module, node) or ""
    return name.startswith(_PLUGIN) and name.rpartition(".")[2] in _MODELS


def _may_be_model(node: cst.CSTNode, file: File) -> bool:
    """A cheap question first: most names of a file have nothing to do with the plugin."""
    name = dotted(node) or ""
    imported = file.module.import_of(name, node)
    return name.rpartition(".")[2] in _MODELS or (imported is not None and imported.target.startswith(_PLUGIN))


@rule.on(cst.Call, among=foreign)
def model(call: cst.Call, file: File) -> Iterator[Change]:
    """`MultilingualModel()` → `inference.TurnDetector()`."""
    if not _is_model(call.func, file):
        return
    if call.args:
        said = ", ".join(f"`{_argument(a, file)}`" for a in call.args)
        yield Todo(
            call,
            f"{said} belonged to the text model and means nothing to the audio one: taken out. "
            "Tune `inference.TurnDetector(unlikely_threshold=...)` by ear if turns end too early or too late.",
        )
        yield Rewrite(call, _without_arguments, "the text model's options are taken out")
    session = file.enclosing(call, cst.Call)
    if session is None or constructed(file.project, file.module, session, "vad") is None:
        return
    vad = find_keyword(session, "vad")
    if vad is not None and dotted(vad.value) == "None":
        yield Note(call, "`inference.TurnDetector` needs a VAD, and `vad=None` turns it off.")


def _argument(arg: cst.Arg, file: File) -> str:
    """As it is written, without what separates it from the next."""
    name = f"{arg.keyword.value}=" if arg.keyword is not None else arg.star
    return f"{name}{file.code(arg.value)}"


def _without_arguments(updated: cst.Call) -> cst.Call:
    return updated.with_changes(args=[], whitespace_before_args=cst.SimpleWhitespace(""))


@rule.on(cst.Name, cst.Attribute)
def mention(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """The class itself, wherever it is named."""
    if not _may_be_model(node, file) or not _is_model(node, file):
        return
    parent = file.parent(node)
    if isinstance(parent, cst.Attribute) and parent.value is node:
        yield Todo(
            parent,
            f"`{file.code(parent)}` is of the plugin: `inference.TurnDetector` has nothing to download or to set up; "
            "take this out, and the plugin with it.",
        )
        return
    if isinstance(parent, (cst.ImportAlias, cst.Attribute, cst.AssignTarget, cst.AsName, cst.Param)):
        return
    if (isinstance(parent, cst.Arg) and parent.keyword is node) or file.enclosing(node, cst.ImportFrom) is not None:
        return
    spelling = f"{file.use('livekit.agents.inference')}.TurnDetector"
    last = (dotted(node) or "").rpartition(".")[2]
    yield Replace(node, lambda _: cst.parse_expression(spelling), f"`{last}` is now `{spelling}`")


@rule.on(cst.BooleanOperation)
def asked_beside(node: cst.BooleanOperation, file: File) -> Iterator[Change]:
    """`MultilingualModel is not None and lang != "en"`: it is always there."""
    if not isinstance(node.operator, cst.And):
        return
    if _asks_for_it(node.left, file):
        yield Rewrite(node, lambda updated: updated.right, _THERE)
    elif _asks_for_it(node.right, file):
        yield Rewrite(node, lambda updated: updated.left, _THERE)


@rule.on(cst.IfExp)
def asked_first(node: cst.IfExp, file: File) -> Iterator[Change]:
    """`MultilingualModel() if MultilingualModel else None`; `EnglishModel() if en else MultilingualModel()`."""
    if _asks_for_it(node.test, file):
        yield Rewrite(node, lambda updated: updated.body, _THERE)
    elif all(_is_made(side, file) for side in (node.body, node.orelse)) and not any(find(node.test, cst.Call)):
        yield Rewrite(node, _one_of_both, "one turn detector listens to all languages")


def _is_made(side: cst.BaseExpression, file: File) -> bool:
    """`EnglishModel()`, whose options would be a choice to keep."""
    return isinstance(side, cst.Call) and not side.args and _is_model(side.func, file)


def _one_of_both(updated: cst.IfExp) -> cst.BaseExpression:
    if not updated.body.deep_equals(updated.orelse):
        return updated
    return updated.body.with_changes(lpar=updated.lpar, rpar=updated.rpar)


_THERE = "the turn detector is part of the core: nobody has to ask whether it is there"


def _asks_for_it(test: cst.BaseExpression, file: File) -> bool:
    """`MultilingualModel`, `MultilingualModel is not None`."""
    if isinstance(test, cst.Comparison) and len(test.comparisons) == 1:
        (only,) = test.comparisons
        negated = isinstance(only.operator, (cst.IsNot, cst.NotEqual)) and dotted(only.comparator) == "None"
        test = test.left if negated else test
    return isinstance(test, (cst.Name, cst.Attribute)) and _may_be_model(test, file) and _is_model(test, file)


@rule.on(cst.Try)
def guarded_import(node: cst.Try, file: File) -> Iterator[Change]:
    """`try: from …turn_detector… import X` / `except ImportError: X = None` is not needed any more.

    A flag that it sets (`HAS_TURN_DETECTOR = True`) stays: without the plugin it would turn the detector off.
    """
    body = [_only(s) for s in node.body.body]
    imports = [s for s in body if isinstance(s, (cst.Import, cst.ImportFrom))]
    if not imports or not all(_is_of_plugin(s, file) for s in imports) or node.finalbody is not None:
        return
    otherwise = [_only(s) for s in node.orelse.body.body] if node.orelse is not None else []
    flags = [s for s in [*body, *otherwise] if s not in imports]
    failed = [_only(s) for handler in node.handlers for s in handler.body.body]
    if not all(_is_flag(s) for s in flags) or not all(_is_flag(s) or _is_said(s) for s in failed):
        yield Todo(node, f"`{_PLUGIN}` is deprecated: nothing below needs it any more; take this block out.")
    elif flags:
        message = f"`{_PLUGIN}` is not imported any more; its part of the core is always there"
        yield Replace(node, _flags_of, message, without=tuple(node.handlers))
    else:
        yield Remove(node, f"`{_PLUGIN}` is not imported any more")


def _only(line: cst.BaseStatement | cst.BaseSmallStatement) -> cst.BaseSmallStatement | None:
    """The one statement of a line."""
    return line.body[0] if isinstance(line, cst.SimpleStatementLine) and len(line.body) == 1 else None


def _is_flag(node: cst.BaseSmallStatement | None) -> bool:
    return isinstance(node, cst.Assign) and dotted(node.value) in ("True", "False", "None")


def _is_said(node: cst.BaseSmallStatement | None) -> bool:
    """`pass`, or a line about the plugin that is missing."""
    call = node.value if isinstance(node, cst.Expr) else None
    said = (dotted(call.func) or "").rpartition(".")[2] if isinstance(call, cst.Call) else ""
    return isinstance(node, cst.Pass) or said in ("print", "debug", "info", "warning", "error", "exception")


def _flags_of(updated: cst.Try) -> cst.FlattenSentinel[cst.BaseStatement]:
    lines = [*updated.body.body, *(updated.orelse.body.body if updated.orelse is not None else ())]
    kept = [line for line in lines if isinstance(line, cst.SimpleStatementLine) and _is_flag(_only(line))]
    comments = [line for line in kept[0].leading_lines if line.comment is not None]
    first = kept[0].with_changes(leading_lines=[*updated.leading_lines, *comments])
    return cst.FlattenSentinel([first, *kept[1:]])


@rule.finish
def unused_imports(tree: cst.Module, file: File) -> Iterator[Leftover]:
    """An import that nothing uses would still warn, also in an `__init__`, where others are kept."""
    found = [(line, small, alias) for line, small in file.imports_of(tree) for alias in _of_plugin(small, file)]
    used = referenced_names(tree, file.module.references) if found else {}
    tried = (
        {n for block in statements(tree, cst.Try) for n in statements(block, cst.Import, cst.ImportFrom)}
        if found
        else set()
    )
    for line, small, alias in found:
        name = dotted(alias.asname.name if alias.asname else alias.name) or ""
        if small not in tried and not used.get(name.partition(".")[0]):
            yield Leftover(line, small, alias, False, f"`{_PLUGIN}` is not imported any more")


def _is_of_plugin(node: cst.Import | cst.ImportFrom, file: File) -> bool:
    """Whether it imports that and nothing else."""
    found = _of_plugin(node, file)
    return bool(found) and not isinstance(node.names, cst.ImportStar) and len(found) == len(node.names)


@rule.on(cst.ImportFrom)
def of_one_function(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """An import within a function that uses nothing of it any more, while others with an import of their own do."""
    scope = file.enclosing(node, cst.FunctionDef)
    if scope is None or file.enclosing(node, cst.Try) is not None or not _is_of_plugin(node, file):
        return
    local = {i.local for i in file.module.imports if i.statement is node}
    if all(_is_replaced(n, file) for n in find(scope, cst.Name) if n.value in local):
        yield Remove(node, f"`{_PLUGIN}` is not imported any more")


def _is_replaced(name: cst.Name, file: File) -> bool:
    """Whether a use of the class goes with `mention`."""
    parent = file.parent(name)
    return isinstance(parent, cst.ImportAlias) or (
        not isinstance(parent, (cst.Attribute, cst.AssignTarget, cst.AsName, cst.Param, cst.Arg))
        and _is_model(name, file)
    )


def _of_plugin(node: cst.CSTNode, file: File) -> list[cst.ImportAlias]:
    """The names of an import that are the plugin's."""
    if isinstance(node, cst.ImportFrom) and not isinstance(node.names, cst.ImportStar):
        base = from_module(node, file.module.package)
        return [a for a in node.names if f"{base}.{dotted(a.name)}".startswith(_PLUGIN)]
    if isinstance(node, cst.Import):
        return [a for a in node.names if (dotted(a.name) or "").startswith(_PLUGIN)]
    return []
