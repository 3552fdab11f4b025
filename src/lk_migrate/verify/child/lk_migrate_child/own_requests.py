"""What asks OpenAI's API by requests of its own, past the SDK, reaches the stand-in that speaks it.

A model class of the person's own that posts to `https://api.openai.com/v1/…` with aiohttp is part of what is being
verified, and without its model the app answers nothing.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

from lk_migrate_child.events import emit_once

_HOST = "api.openai.com"


def at_stand_in(url: str) -> str | None:
    """The same path of the stand-in, None if the address is another's."""
    parts = urlsplit(url)
    if parts.hostname != _HOST:
        return None
    query = f"?{parts.query}" if parts.query else ""
    return f"{os.environ['LK_MIGRATE_STANDIN']}{parts.path}{query}"


def import_aiohttp(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Execute `aiohttp.client`, then send such requests of its sessions to the stand-in."""
    execute(module)
    session: Any = module.ClientSession
    original = session._request

    @functools.wraps(original)
    async def request(self: Any, method: str, url: Any, **options: Any) -> Any:
        near = at_stand_in(str(url))
        if near is not None:
            emit_once("exchanged", role="llm", model=f"aiohttp: {_HOST}")
        return await original(self, method, url if near is None else near, **options)

    session._request = request
