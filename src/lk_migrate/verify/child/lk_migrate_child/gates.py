"""Listening to the old code's turn gates: what they answer while a tool runs."""

from __future__ import annotations

import inspect
from contextlib import AbstractAsyncContextManager
from typing import Any

from lk_migrate_child.plain import plain

REFUSED = object()


def listen_to(holder: Any, name: str, allows: bool, heard: dict[str, Any]) -> None:
    """Note what the gate `name` of an object answers: a text that the tool returns then is its refusal. `REFUSED` where
    the answer only says whether the call is let through, and it is not, and where the gate raises.
    """
    original = getattr(holder, name, None)
    if not inspect.ismethod(original) or inspect.isclass(holder):
        return

    def note(answer: Any) -> None:
        if allows:
            heard.update({} if answer else {name: REFUSED})
        else:
            heard[name] = REFUSED if answer is True else plain(answer)

    def method(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = original(*args, **kwargs)
        except Exception:
            heard[name] = REFUSED
            raise
        if isinstance(answer, AbstractAsyncContextManager):
            return _Entered(answer, note)
        note(answer)
        return answer

    async def coroutine_method(*args: Any, **kwargs: Any) -> Any:
        try:
            answer = await original(*args, **kwargs)
        except Exception:
            heard[name] = REFUSED
            raise
        note(answer)
        return answer

    try:
        setattr(holder, name, coroutine_method if inspect.iscoroutinefunction(original) else method)
    except AttributeError:
        return


class _Entered:
    """`async with self.turn.claim("book") as mine:`"""

    def __init__(self, manager: Any, note: Any) -> None:
        self._manager, self._note = manager, note

    async def __aenter__(self) -> Any:
        answer = await self._manager.__aenter__()
        self._note(answer)
        return answer

    async def __aexit__(self, *about: Any) -> Any:
        return await self._manager.__aexit__(*about)
