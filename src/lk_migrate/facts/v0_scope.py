"""Whether a file still speaks 0.x, so that ambiguous things (`msg.content`) can be read as 0.x meant them."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.v0_gone import why_gone
from lk_migrate.facts.v0_names import AGENTS, SESSIONS

_TODAY = AGENTS | SESSIONS | {"livekit.agents.function_tool", "livekit.agents.RunContext", "livekit.agents.AgentServer"}


def v0_modules(project: Project) -> frozenset[cst.Module]:
    """The trees of files that import what only 0.x had, or, in such a project, nothing that only 1.x has."""
    old: set[cst.Module] = set()
    neutral: set[cst.Module] = set()
    for path in sorted(project.files):
        if not path.endswith(".py") or b"livekit" not in project.files[path]:
            continue
        module = project.module(path)
        if module is None:
            continue
        if _uses_gone(project, module):
            old.add(module.tree)
        elif not any(item.target in _TODAY for item in module.imports):
            neutral.add(module.tree)
    return frozenset(old | neutral) if old else frozenset()


def _uses_gone(project: Project, module: Module) -> bool:
    if any(why_gone(item.target) for item in module.imports if project.path_of(item.target, module.path) is None):
        return True
    for node in module.index.of(cst.Attribute):
        name = module.target_of(node)
        if name is not None and name.startswith("livekit.") and why_gone(name):
            return True
    return False
