"""Names that the framework does not have, and never had in these modules, are marked.

`@agents.entrypoint`, `from livekit.agents import VoiceSession`, `rtc.AudioInput`: written from memory, by a person or
an assistant, or misspelt. The first stops the file at its import, the others at their line. What is asked of a module
and is in the package around it (`llm.APIConnectOptions`), or in one other module only (`stt.AudioBuffer`), is taken
from there; three requests of the room service have another name than one would guess (`api.RemoveParticipantRequest`),
and the members of LiveKit's enumerations begin with the kind of thing they are (`rtc.TrackKind.AUDIO` is `KIND_AUDIO`).
What is known to have moved or gone is the business of the other rules.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import libcst as cst

from lk_migrate.facts.among import foreign
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.imports import dotted, from_module, referenced_names
from lk_migrate.facts.public_names import (
    GUESSED_REQUESTS,
    a_level_above,
    is_missing,
    member_behind_a_prefix,
    only_address,
    suggestion,
)
from lk_migrate.facts.v0_gone import why_gone
from lk_migrate.facts.v0_names import kind_of_name
from lk_migrate.facts.walk import statements
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.leftovers import Leftover
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v0.guards import is_guarded

rule = Rule("LK205", Edition.V0, __doc__, triggers=(b"livekit",), since="1.0.0", paths=where_livekit_is_imported)

#: Names of early 1.x whose rules say more (LK305, LK317, LK326).
_HAVE_A_RULE = frozenset(
    {"DEFAULT_ROOM_INPUT_OPTIONS", "DEFAULT_ROOM_OUTPUT_OPTIONS", "InlineTask", "ChatCLI", "SimulateJobInfo", "Worker"}
)
#: Names of the package above that other rules take out with the call around them (LK305, LK340).
_REPLACED_THEMSELVES = frozenset({"RoomInputOptions", "RoomOutputOptions", "WorkerOptions"})


def _is_unknown(name: str) -> bool:
    known = why_gone(name) is not None or kind_of_name(name) is not None or name.rpartition(".")[2] in _HAVE_A_RULE
    return is_missing(name) and not known


def _said(name: str) -> str:
    root, _, last = name.rpartition(".")
    return f"`{root}` has no `{last}`{suggestion(name)}"


@rule.on(cst.Attribute, among=foreign)
def attribute(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`agents.VoiceSession`."""
    if not file.module.may_be_imported(node) or isinstance(file.parent(node), cst.AssignTarget):
        return
    name = file.full_name(node)
    if (
        name is None
        or name in GUESSED_REQUESTS
        or not _is_unknown(name)
        or _is_assigned(name, file)
        or _is_imported_twice(node, file)
    ):
        return
    if file.module.index.enclosing(node, cst.ImportFrom, cst.Import) is not None:
        return
    home = a_level_above(name) or only_address(name)
    member = member_behind_a_prefix(name)
    if is_guarded(node, node.attr.value, file):
        yield Note(node, f"{_said(name)}; the code copes with that.")
    elif member is not None:
        called = cst.Name(member.rpartition(".")[2])
        yield Replace(node.attr, lambda _: called, f"`{name.rpartition('.')[0]}` has `{called.value}`")
    elif home is not None and not _is_replaced(node, home, file) and not _asks_in_vain(node, home, file):
        spelled = file.use(home)
        yield Rewrite(node, lambda _: cst.parse_expression(spelled), f"{_said(name)}")
    else:
        yield Todo(node, f"{_said(name)}.")


def _is_replaced(node: cst.Attribute, above: str, file: File) -> bool:
    """Whether another rule is about to give what stands there, or what is asked of it, its name of today."""
    parent = file.parent(node)
    renamed = isinstance(parent, cst.Attribute) and parent.attr.value == "WorkerOptions"
    return renamed or above.rpartition(".")[2] in _REPLACED_THEMSELVES


def _asks_in_vain(node: cst.Attribute, home: str, file: File) -> bool:
    """Whether what is asked of it is not there, either: `voice.worker.Options`."""
    parent = file.parent(node)
    name = parent.attr.value if isinstance(parent, cst.Attribute) else ""
    return bool(name) and name not in _REPLACED_THEMSELVES and _is_unknown(f"{home}.{name}")


@rule.on(cst.ImportFrom)
def guarded(node: cst.ImportFrom, file: File) -> Iterator[Change]:
    """`try: from livekit.agents import X` / `except ImportError: …`: such imports stay as they are."""
    if not _copes(node, file):
        return
    for _, name in _asked(node, file):
        yield Note(node, f"{_said(name)}; the code copes with that.")


@rule.finish
def imports(tree: cst.Module, file: File) -> Iterator[Leftover]:
    """What the imports of the finished file ask for in vain, those in a `try` or for the type checker left out."""
    used = cache(lambda: referenced_names(tree, file.module.references))
    kinds = (cst.Import, cst.ImportFrom)
    shielded = cache(lambda: {n for block in statements(tree, cst.Try, cst.If) for n in statements(block, *kinds)})
    for line, small in file.imports_of(tree):
        for alias, name in _asked(small, file):
            if small in shielded():
                continue
            local = dotted(alias.asname.name if alias.asname else alias.name) or ""
            if isinstance(small, cst.Import):
                local = local.partition(".")[0]  # `import a.b` binds `a`
            yield Leftover(line, small, alias, used().get(local, 0) > 0, f"{_said(name)}.")


def _asked(node: cst.Import | cst.ImportFrom, file: File) -> Iterator[tuple[cst.ImportAlias, str]]:
    if isinstance(node, cst.Import):
        modules = ((alias, dotted(alias.name) or "") for alias in node.names)
        yield from ((a, name) for a, name in modules if _is_unknown(name) and not file.project.path_of(name, file.path))
        return
    base = from_module(node, file.module.package)
    if isinstance(node.names, cst.ImportStar) or not base or file.project.path_of(base, file.path) is not None:
        return
    for alias in node.names:
        name = f"{base}.{dotted(alias.name)}"
        if _is_unknown(name) and file.project.path_of(name, file.path) is None:
            yield alias, name


def _copes(node: cst.CSTNode, file: File) -> bool:
    """Whether it stands in a `try`, or under an `if` (of a version, of `TYPE_CHECKING`)."""
    return file.enclosing(node, cst.Try) is not None or file.enclosing(node, cst.If) is not None


def _is_imported_twice(node: cst.Attribute, file: File) -> bool:
    """`from livekit.agents import types`, then `from google.genai import types`: it may be the other's."""
    head = (dotted(node) or "").partition(".")[0]
    return len({item.target for item in file.module.imports if item.local == head}) > 1


def _is_assigned(name: str, file: File) -> bool:
    """`rtc.Thing = …`: the file adds the name itself."""
    targets = (t.target for t in file.module.index.of(cst.AssignTarget))
    return any(isinstance(t, cst.Attribute) and file.full_name(t) == name for t in targets)
