"""How a 0.x event is told apart within today's coarser ones (shared by LK240's handlers)."""

from __future__ import annotations

from dataclasses import dataclass

_EVENT_TYPES = {
    "user_state_changed": "UserStateChangedEvent",
    "agent_state_changed": "AgentStateChangedEvent",
    "conversation_item_added": "ConversationItemAddedEvent",
    "function_tools_executed": "FunctionToolsExecutedEvent",
    "tool_execution_updated": "ToolExecutionUpdatedEvent",
}


@dataclass(frozen=True)
class Guard:
    """`event`: today's name; `skip`: the condition under which the event is another; `only`: its negation;
    `message`, `text`: what the handler used to get, as a message or as a text ("" if it got nothing).
    """

    event: str
    skip: str
    only: str
    message: str = ""
    text: str = ""

    @property
    def event_type(self) -> str:
        """The class of today's event."""
        return _EVENT_TYPES[self.event]


_MESSAGE = ("{ev}.item", '{ev}.item.text_content or ""')


def guard_of(events: frozenset[str]) -> Guard | None:
    """The guard for a handler of these 0.x events, None if one handler cannot tell them."""
    if events <= {"user_started_speaking"} or events <= {"user_stopped_speaking"}:
        return _state("user_state_changed", events)
    if events <= {"agent_started_speaking"} or events <= {"agent_stopped_speaking"}:
        return _state("agent_state_changed", events)
    if events == {"user_speech_committed"}:
        return _item('{ev}.item.role == "user"', '{ev}.item.role != "user"')
    if events == {"agent_speech_committed", "agent_speech_interrupted"}:
        return _item('{ev}.item.role == "assistant"', '{ev}.item.role != "assistant"')
    if events == {"agent_speech_committed"}:
        return _item(
            '{ev}.item.role == "assistant" and not {ev}.item.interrupted',
            '{ev}.item.role != "assistant" or {ev}.item.interrupted',
        )
    if events == {"agent_speech_interrupted"}:
        return _item(
            '{ev}.item.role == "assistant" and {ev}.item.interrupted',
            '{ev}.item.role != "assistant" or not {ev}.item.interrupted',
        )
    if events == {"user_speech_committed", "agent_speech_interrupted"}:  # a user's message is never interrupted
        return _item(
            '({ev}.item.role == "user" or {ev}.item.interrupted)',
            '({ev}.item.role != "user" and not {ev}.item.interrupted)',
        )
    both, neither = '{ev}.item.role in ("user", "assistant")', '{ev}.item.role not in ("user", "assistant")'
    if events == {"user_speech_committed", "agent_speech_committed"}:  # what was interrupted was another event
        return _item(f"{both} and not {{ev}}.item.interrupted", f"{neither} or {{ev}}.item.interrupted")
    if events and events <= {"user_speech_committed", "agent_speech_committed", "agent_speech_interrupted"}:
        return _item(both, neither)
    if events == {"function_calls_finished"}:
        return Guard("function_tools_executed", "", "", "{ev}.function_calls", "{ev}.function_calls")
    if events == {"function_calls_collected"}:
        started = '{ev}.update.type == "tool_call_started"'
        calls = "[{ev}.update.function_call]"
        return Guard("tool_execution_updated", started.replace("==", "!="), started, calls, calls)
    return None


def _state(event: str, names: frozenset[str]) -> Guard:
    state = "new_state" if "started" in next(iter(names)) else "old_state"
    return Guard(event, f'{{ev}}.{state} != "speaking"', f'{{ev}}.{state} == "speaking"')


def _item(only: str, skip: str) -> Guard:
    is_message = '{ev}.item.type == "message"'
    return Guard(
        "conversation_item_added",
        f"{is_message.replace('==', '!=')} or {skip}",
        f"{is_message} and {only}",
        *_MESSAGE,
    )
