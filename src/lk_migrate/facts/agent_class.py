"""What is known of one assistant class: a plain record, which `agents.find_agents` fills."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import libcst as cst

from lk_migrate.facts.classes import ClassRef, method, methods
from lk_migrate.facts.collisions import Collision
from lk_migrate.facts.dispatchers import Dispatcher
from lk_migrate.facts.instructions import Instructions
from lk_migrate.facts.module import Module
from lk_migrate.facts.registries import Registry
from lk_migrate.facts.tools import Declared, InlineTool, Tool


class Role(str, Enum):
    """AGENT is handed to a session; BASE only derived from; MIXIN adds methods to agents beside their base."""

    AGENT = "agent"
    BASE = "base"
    MIXIN = "mixin"


@dataclass(frozen=True)
class AgentClass:
    """One assistant class, or a base or mixin of one, as it is in the legacy code.

    is_agent: derives from livekit's `Agent` already.
    takes_base: this class itself must be given the `Agent` base; its subclasses then inherit it.
    chain: its own bases that lead to the `Agent` base, nearest first; mixins: its other bases in the project.
    tools: those whose methods stand in this class body; all_tools: with inherited ones, as the model will see them.
    collisions: attributes and methods of this body that `Agent` has for itself.
    subclassed: other classes of the project derive from it.
    asked_for: its module reads its prompt's attribute, or another file does and the name is none that `Agent` has.
    evidence: why it is taken for an assistant, for a person to read.
    """

    module: Module
    node: cst.ClassDef
    role: Role
    is_agent: bool
    takes_base: bool
    chain: tuple[ClassRef, ...]
    mixins: tuple[ClassRef, ...]
    tools: tuple[Tool, ...]
    all_tools: tuple[Tool, ...]
    inline_tools: tuple[InlineTool, ...]
    registries: tuple[Registry, ...]
    dispatchers: tuple[Dispatcher, ...]
    instructions: Instructions
    collisions: tuple[Collision, ...]
    subclassed: bool
    asked_for: bool
    evidence: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.node.name.value

    @property
    def init(self) -> cst.FunctionDef | None:
        return method(self.node, "__init__")

    @property
    def ref(self) -> ClassRef:
        return ClassRef(self.module, self.node)

    @property
    def parameters(self) -> tuple[cst.Param, ...]:
        """The parameters of its constructor without `self`, an inherited constructor's if it has none of its own."""
        for node in (self.node, *(ref.node for ref in self.chain)):
            init = method(node, "__init__")
            if init is not None:
                return (*init.params.params[1:], *init.params.kwonly_params)
        return ()

    @property
    def helpers(self) -> tuple[cst.FunctionDef, ...]:
        """Its methods that are no tools."""
        tools = {t.node for t in self.tools}
        return tuple(m for m in methods(self.node) if m not in tools and m.name.value != "__init__")

    @property
    def handrolled(self) -> bool:
        """Whether anything but decorated tools on an `Agent` was found: only then is it ours to complete."""
        return not self.is_agent or any(t.declared is not Declared.FUNCTION_TOOL for t in self.tools)
