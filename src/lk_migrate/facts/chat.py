"""`rtc.ChatManager` objects: where they are made, and the functions that handle their messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import libcst as cst

from lk_migrate.facts.held import Holdings
from lk_migrate.facts.holdings import holdings
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.project import Project
from lk_migrate.facts.starts import is_start
from lk_migrate.facts.v0_names import Kind
from lk_migrate.facts.variables import Binding, binding_of, is_variable, uses


@dataclass(frozen=True)
class ChatHandler:
    """A function that handled `message_received`; `message` is the name of its parameter."""

    module: Module
    node: cst.FunctionDef
    decorator: cst.Decorator
    message: str


@dataclass
class ChatManagers:
    """`created`: assignment → the variable; `handlers`: the functions that handle messages.

    `taken`: handlers that become the text input callback of a session which is started beside them. `plain`: handlers
    of files that have nothing to do with agents: a client's, which reads text streams from the room.
    """

    created: dict[cst.CSTNode, tuple[Module, Binding, str]] = field(default_factory=dict)
    handlers: dict[cst.FunctionDef, ChatHandler] = field(default_factory=dict)
    taken: set[cst.FunctionDef] = field(default_factory=set)
    plain: set[cst.FunctionDef] = field(default_factory=set)

    def is_settled(self, line: cst.CSTNode) -> bool:
        """Whether everything that uses the manager is rewritten, so that it can go."""
        module, binding, room = self.created[line]
        for name in uses(module, binding):
            parent = module.index.parents.get(name)
            if isinstance(parent, cst.AssignTarget):
                continue
            if not isinstance(parent, cst.Attribute) or parent.attr.value not in ("on", "send_message"):
                return False
            call = module.index.parents.get(parent)
            sends = isinstance(call, cst.Call) and is_plain_send(module, call)
            if parent.attr.value == "send_message" and not (room and sends):
                return False
            if parent.attr.value == "on":
                decorator = module.index.parents.get(call) if call is not None else None
                moved = (self.handlers[node] for node in self.taken | self.plain)
                if not any(h.decorator is decorator for h in moved):
                    return False
        return True

    def room_of(self, project: Project, module: Module, manager: cst.BaseExpression) -> str | None:
        """How the room was spelled where the manager was made; "" where it was made of none."""
        binding = project.fact(holdings).binding(module, manager)
        return next((room for _, b, room in self.created.values() if b == binding), None)

    def handler_near(self, module: Module, function: cst.CSTNode | None) -> ChatHandler | None:
        """The one handler that is defined in `function`."""
        found = [
            h
            for h in self.handlers.values()
            if h.module is module and module.index.enclosing(h.node, cst.FunctionDef) is function
        ]
        return found[0] if len(found) == 1 else None


def chat_managers(project: Project) -> ChatManagers:
    """Use as `project.fact(chat_managers)`."""
    known = project.fact(holdings)
    result = ChatManagers()
    for module in known.modules:
        if b"ChatManager" not in module.data:
            continue
        for line in module.index.of(cst.SimpleStatementLine):
            small = line.body[0] if len(line.body) == 1 else None
            if not isinstance(small, cst.Assign) or len(small.targets) != 1 or not isinstance(small.value, cst.Call):
                continue
            target = small.targets[0].target
            if Kind.CHAT_MANAGER in known.kinds(module, small.value) and isinstance(target, cst.Name):
                result.created[line] = (module, binding_of(module, target), _room(project, module, small.value))
        for node in module.index.of(cst.FunctionDef):
            found = _handler(known, module, node)
            if found is not None:
                result.handlers[node] = found
    result.taken = set(_taken(project, result))
    for node, handler in result.handlers.items():
        binding = known.binding(handler.module, _manager(handler))
        has_room = any(b == binding and room for _, b, room in result.created.values())
        if node not in result.taken and has_room and not _knows_agents(handler.module):
            result.plain.add(node)
    return result


def _room(project: Project, module: Module, manager: cst.Call) -> str:
    """How the room is spelled that a manager is made of; "" where that is something which its object does not have."""
    room = manager.args[0].value if manager.args else None
    if room is None:
        return ""
    if isinstance(room, cst.Attribute) and room.attr.value != "room" and instance_of(project, module, room.value):
        return ""
    return module.tree.code_for_node(room)


def _taken(project: Project, managers: ChatManagers) -> Iterator[cst.FunctionDef]:
    """The handlers of functions in which a 0.x agent is started."""
    known = project.fact(pipelines)
    for module in {h.module.path: h.module for h in managers.handlers.values()}.values():
        for call in module.index.of(cst.Call):
            if is_start(known, module, call):
                near = managers.handler_near(module, module.index.enclosing(call, cst.FunctionDef))
                if near is not None:
                    yield near.node


#: What has no successor among LiveKit's names (LK212, LK331).
_WITHOUT_IMPORT = (".TypeInfo", ".get_function_info")


def _knows_agents(module: Module) -> bool:
    """Whether it uses an import of LiveKit's agents that stays in some form; an unused one may go (LK201)."""
    theirs = (i for i in module.imports if (i.target + ".").startswith("livekit.agents."))
    found = (i.local.partition(".")[0] for i in theirs if not i.target.endswith(_WITHOUT_IMPORT))
    return any(name == "*" or any(is_variable(module, n) for n in module.names.get(name, ())) for name in found)


def _manager(handler: ChatHandler) -> cst.BaseExpression:
    """`chat` of `@chat.on("message_received")`."""
    call = cst.ensure_type(handler.decorator.decorator, cst.Call)
    return cst.ensure_type(call.func, cst.Attribute).value


def is_kept(module: Module, call: cst.Call) -> bool:
    """`message = await chat.send_message(text)`: for `update_message`, or to read it."""
    parent = module.index.parents.get(call)
    if isinstance(parent, cst.Await):
        parent = module.index.parents.get(parent)
    return isinstance(parent, (cst.Assign, cst.AnnAssign, cst.NamedExpr, cst.Return, cst.Attribute))


def is_plain_send(module: Module, call: cst.Call) -> bool:
    """`await chat.send_message(text)`, which `send_text` does as well."""
    one = len(call.args) == 1 and (call.args[0].keyword is None or call.args[0].keyword.value == "message")
    return one and not call.args[0].star and not is_kept(module, call)


def _handler(known: Holdings, module: Module, node: cst.FunctionDef) -> ChatHandler | None:
    """What a function handles that is registered once; one of two managers is left to a person."""
    params = node.params.params
    found = [d for d in node.decorators if _registers(known, module, d)] if params else []
    return ChatHandler(module, node, found[0], params[0].name.value) if len(found) == 1 else None


def _registers(known: Holdings, module: Module, decorator: cst.Decorator) -> bool:
    """`@chat.on("message_received")`"""
    call = decorator.decorator
    return (
        isinstance(call, cst.Call)
        and isinstance(call.func, cst.Attribute)
        and call.func.attr.value == "on"
        and bool(call.args)
        and text_of(call.args[0].value) == "message_received"
        and known.has(module, call.func.value, Kind.CHAT_MANAGER)
    )
