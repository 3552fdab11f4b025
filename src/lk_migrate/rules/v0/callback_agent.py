"""The Agent subclass that calls a person's 0.x callbacks from today's hooks (used by LK202).

What a callback could do, it still can: change the context (None), cancel the reply (False), or answer by itself (a
stream, a text). In 0.x the pending message was the last one of the context; it is put there for the callback, and
taken out again, because the framework adds it. An answer of its own is kept for `llm_node`, which runs next, so that
message and answer both enter the history as they did.
"""

from __future__ import annotations

from lk_migrate.facts.callbacks import Callback, Callbacks
from lk_migrate.rewrite.file import File


def agent_class_source(callbacks: Callbacks, file: File) -> str:
    """The class definition, unindented."""
    agent = file.use("livekit.agents.Agent")
    parts = []
    if callbacks.llm is not None:
        parts.append(_on_user_turn(callbacks.llm, file))
        if callbacks.llm.streams:
            parts.append(_own_reply(file, agent))
    if callbacks.tts is not None:
        parts.append(_tts_node(callbacks.tts, file, agent))
    own = "    _own_reply = None  # what the callback wants to be said instead of the model's reply\n\n"
    opening = own if callbacks.llm is not None and callbacks.llm.streams else ""
    return f"class {callbacks.class_name}({agent}):\n{opening}" + "\n".join(parts)


def _call(callback: Callback, arguments: str) -> str:
    call = f"{callback.variable or callback.spelled}({arguments})"
    return f"await {call}" if callback.is_async else call


def _on_user_turn(callback: Callback, file: File) -> str:
    llm = file.use("livekit.agents.llm")
    call = _call(callback, "self.session, turn_ctx")
    answers = callback.cancels or callback.streams
    awaited = []
    if callback.is_async is None:  # as 0.x asked
        isawaitable = file.use("inspect.isawaitable")
        awaited = [f"        if {isawaitable}(result):", "            result = await result"]
    lines = [
        "    async def on_user_turn_completed(",
        f"        self, turn_ctx: {llm}.ChatContext, new_message: {llm}.ChatMessage",
        "    ) -> None:",
        "        turn_ctx.items.append(new_message)  # where the callback looks for it",
        f"        result = {call}" if answers else f"        {call}",
        *awaited,
        "        if new_message in turn_ctx.items:",
        "            turn_ctx.items.remove(new_message)",
    ]
    if callback.cancels:
        lines += ["        if result is False:", f"            raise {file.use('livekit.agents.StopResponse')}()"]
    if callback.streams:
        lines.append("        self._own_reply = None if result is True else result")
    return "\n".join(lines) + "\n"


def _own_reply(file: File, agent: str) -> str:
    llm = file.use("livekit.agents.llm")
    settings = file.use("livekit.agents.ModelSettings")
    tools = f"list[{llm}.Tool]"
    return (
        f"    async def llm_node(self, chat_ctx: {llm}.ChatContext, tools: {tools}, model_settings: {settings}):\n"
        "        reply, self._own_reply = self._own_reply, None\n"
        "        if reply is None:\n"
        f"            reply = {agent}.default.llm_node(self, chat_ctx, tools, model_settings)\n"
        "        if isinstance(reply, str):\n"
        "            yield reply\n"
        "            return\n"
        "        async for chunk in reply:\n"
        "            yield chunk\n"
    )


def _tts_node(callback: Callback, file: File, agent: str) -> str:
    iterable = _known(file, "AsyncIterable") or file.use("collections.abc.AsyncIterable")
    settings = file.use("livekit.agents.ModelSettings")
    rtc = file.use("livekit.rtc")
    call = _call(callback, "self.session, text")
    whole = []
    if callback.wants_text:
        text = _call(callback, 'self.session, "".join([part async for part in text])')
        whole = [f"        async def whole_text() -> {iterable}[str]:", f"            yield {text}", ""]
        call = "whole_text()"
    lines = [
        "    async def tts_node(",
        f"        self, text: {iterable}[str], model_settings: {settings}",
        f"    ) -> {iterable}[{rtc}.AudioFrame]:",
        *whole,
        f"        async for frame in {agent}.default.tts_node(self, {call}, model_settings):",
        "            yield frame",
    ]
    return "\n".join(lines) + "\n"


def _known(file: File, name: str) -> str | None:
    """`AsyncIterable`, if the file has it already, from `typing` perhaps."""
    return next(
        (i.local for i in file.module.imports if i.target in (f"typing.{name}", f"collections.abc.{name}")), None
    )
