"""Tests that replace names of 0.x are marked: `patch("livekit.agents.pipeline.VoicePipelineAgent")`.

`patch` fails for a name that is not there: for a module of LiveKit that is gone, and for a name that a module of the
project no longer imports. A stand-in for LiveKit in `sys.modules` has to have what the converted code asks for.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.patched import PATCHES, patched, where_patched
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_gone import GONE_MODULES, GONE_NAMES, LEFT_TO_A_PERSON, MOVED, why_gone
from lk_migrate.facts.v0_names import AGENT_CLASSES
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

#: Names that only 0.x had, and what the converted code uses.
_NOW = {
    **dict.fromkeys(("VoicePipelineAgent", "VoiceAssistant", "MultimodalAgent"), "Agent` and `AgentSession"),
    "FunctionContext": "llm.Toolset",
    "ai_callable": "function_tool",
    "TypeInfo": "pydantic.Field",
    "ChatImage": "llm.ImageContent",
}


def paths(project: Project) -> frozenset[str]:
    """Where names of 0.x may be replaced by name, and where something stands in for LiveKit."""
    gone = {*AGENT_CLASSES, *MOVED, *GONE_MODULES, *GONE_NAMES, *LEFT_TO_A_PERSON}
    stand_ins = project.paths_with([b"sys.modules"]) & project.paths_with([b"livekit"])
    return where_patched(project, gone) | (stand_ins & project.paths_with(map(str.encode, _NOW)))


rule = Rule("LK207", Edition.V0, __doc__, triggers=PATCHES, since="1.0.0", paths=paths)


@rule.on(cst.SimpleString)
def by_name(node: cst.SimpleString, file: File) -> Iterator[Change]:
    """`patch("desk.agent.VoicePipelineAgent")`, `sys.modules["livekit.agents.pipeline"]`."""
    found = patched(file.project, file.module, node)
    why = _why(found.name) if found is not None else None
    if found is None or why is None:
        return
    if found.by is None:
        yield Todo(node, f"`{found.name}` is gone ({why}): replace what the converted code uses.")
        return
    now = f"patch what it uses now, `{_NOW[found.last]}`" if found.last in _NOW else why
    yield Todo(node, f"`{found.by}` has no `{found.last}` once it is converted: {now}.")


def _why(name: str) -> str | None:
    if name in AGENT_CLASSES:
        return "the 0.x agent is `Agent` + `AgentSession` now"
    return why_gone(name)


@rule.on(cst.AssignTarget)
def of_a_stand_in(node: cst.AssignTarget, file: File) -> Iterator[Change]:
    """`fake.FunctionContext = object`, where the fake stands for LiveKit in `sys.modules`."""
    target = node.target
    if not isinstance(target, cst.Attribute) or target.attr.value not in _NOW:
        return
    if b"sys.modules" in file.module.data and b"livekit" in file.module.data:
        yield Todo(
            node, f"the converted code has no `{target.attr.value}`: the stand-in needs `{_NOW[target.attr.value]}`."
        )
