"""The Agent subclass that calls a person's 0.x callbacks from today's hooks (shared by LK202 and LK230).

What a callback could do, it still can: change the context (None), cancel the reply (False), or answer by itself (a
stream). In 0.x the pending message was the last one of the context; it is put there for the callback, and taken
out again, because `on_user_turn_completed` adds it.
"""

from __future__ import annotations

from lk_migrate.facts.callbacks import Callback, Callbacks
from lk_migrate.rewrite.file import File


def agent_class_source(callbacks: Callbacks, file: File) -> str:
    """The class definition, unindented."""
    agent = file.use("livekit.agents.Agent")
    parts = []
    if callbacks.llm is not None:
        parts.append(_llm(callbacks.llm, file))
    if callbacks.tts is not None:
        parts.append(_tts(callbacks.tts, file, agent))
    return f"class {callbacks.class_name}({agent}):\n" + "\n".join(parts)


def _llm(callback: Callback, file: File) -> str:
    llm = file.use("livekit.agents.llm")
    call = f"{callback.spelled}(self.session, turn_ctx)"
    if callback.is_async:
        call = f"await {call}"
    lines = [
        "    async def on_user_turn_completed(",
        f"        self, turn_ctx: {llm}.ChatContext, new_message: {llm}.ChatMessage",
        "    ) -> None:",
        "        turn_ctx.items.append(new_message)",
    ]
    if not (callback.cancels or callback.streams):
        lines += [f"        {call}", "        if new_message in turn_ctx.items:"]
        lines += ["            turn_ctx.items.remove(new_message)"]
        return "\n".join(lines) + "\n"
    stop = file.use("livekit.agents.StopResponse")
    lines += [f"        result = {call}", "        if new_message in turn_ctx.items:"]
    lines += ["            turn_ctx.items.remove(new_message)"]
    if callback.cancels:
        lines += ["        if result is False:", f"            raise {stop}()"]
    if callback.streams:
        lines += [
            "        if result is not None:"
            if not callback.cancels
            else "        if result is not None and result is not True:",
            "            # The callback answers by itself: what it gives is spoken instead of the model's reply.",
            f"            if isinstance(result, {llm}.LLMStream):",
            "                result = result.to_str_iterable()",
            "            self.session.say(result)",
            f"            raise {stop}()",
        ]
    return "\n".join(lines) + "\n"


def _tts(callback: Callback, file: File, agent: str) -> str:
    call = f"{callback.spelled}(self.session, text)"
    if callback.is_async:
        call = f"await {call}"
    iterable = file.use("collections.abc.AsyncIterable")
    settings = file.use("livekit.agents.ModelSettings")
    rtc = file.use("livekit.rtc")
    lines = [
        "    async def tts_node(",
        f"        self, text: {iterable}[str], model_settings: {settings}",
        f"    ) -> {iterable}[{rtc}.AudioFrame]:",
        f"        async for frame in {agent}.default.tts_node(self, {call}, model_settings):",
        "            yield frame",
    ]
    return "\n".join(lines) + "\n"
