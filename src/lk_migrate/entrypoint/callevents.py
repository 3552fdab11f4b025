"""The events of an own session, on top of `AgentSession`'s: what its handlers are given stays the same."""

from __future__ import annotations

from collections.abc import Iterable

#: Words in an event's name → what it tells. Read in livekit-agents 1.8.9: `conversation_item_added` comes for both
#: speakers, `function_tools_executed` once per round of tools.
_WORDS = {
    "user": ("user", "caller", "customer", "human"),
    "agent": ("agent", "assistant", "bot", "ai"),
    "tool": ("tool", "function"),
}


def kinds_of(events: Iterable[str]) -> dict[str, str]:
    """Event name → "user", "agent" or "tool"; an event that no word explains is left out."""
    found: dict[str, str] = {}
    for event in events:
        words = event.lower().replace("-", "_").split("_")
        kind = next((k for k, known in _WORDS.items() if any(w in words for w in known)), None)
        if kind is not None:
            found[event] = kind
    return found


def helper_code(kinds: dict[str, str]) -> str:
    """The class `CallEvents` for these events."""
    by_kind = {kind: [e for e, k in kinds.items() if k == kind] for kind in ("user", "agent", "tool")}
    emit_user = "".join(f'            self._emit("{e}", text)\n' for e in by_kind["user"])
    emit_agent = "".join(f'            self._emit("{e}", text)\n' for e in by_kind["agent"])
    emit_tool = "".join(
        f'            self._emit("{e}", call.name, call.arguments, output.output)\n' for e in by_kind["tool"]
    )
    nothing = "            pass\n"
    return _CODE.format(user=emit_user or nothing, agent=emit_agent or nothing, tool=emit_tool or nothing)


_CODE = '''
class CallEvents:
    """The events that the handlers know, from those of `AgentSession`; handlers may be coroutines."""

    def __init__(self, session: AgentSession) -> None:
        self._handlers: dict[str, list[Callable[..., Any]]] = {{}}
        self._tasks: set[asyncio.Future[Any]] = set()
        session.on("conversation_item_added", self._item_added)
        session.on("function_tools_executed", self._tools_executed)

    def on(self, event: str, handler: Callable[..., Any] | None = None) -> Callable[..., Any]:
        """Without a handler it is a decorator."""

        def register(handler: Callable[..., Any]) -> Callable[..., Any]:
            self._handlers.setdefault(event, []).append(handler)
            return handler

        return register if handler is None else register(handler)

    def _emit(self, event: str, *args: Any) -> None:
        for handler in self._handlers.get(event, []):
            found = handler(*args)
            if inspect.isawaitable(found):
                task = asyncio.ensure_future(found)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    def _item_added(self, event: ConversationItemAddedEvent) -> None:
        text = getattr(event.item, "text_content", None)
        role = getattr(event.item, "role", None)
        if text and role == "user":
{user}        elif text and role == "assistant":
{agent}
    def _tools_executed(self, event: FunctionToolsExecutedEvent) -> None:
        for call, output in event.zipped():
{tool}'''

READY = {
    "asyncio": "import asyncio",
    "inspect": "import inspect",
    "Callable": "from collections.abc import Callable",
    "ConversationItemAddedEvent": "from livekit.agents import ConversationItemAddedEvent",
    "FunctionToolsExecutedEvent": "from livekit.agents import FunctionToolsExecutedEvent",
}
