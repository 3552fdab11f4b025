"""What differs from run to run is pinned: the clock, randomness, and waiting.

`datetime.now` and its kin are C methods of immutable types; they are replaced in the types' own dictionaries, so
that everybody sees it, whatever they imported and when (pydantic needs the real types). Where a Python does not
allow that, the clock runs on.
"""

from __future__ import annotations

import asyncio
import ctypes
import datetime
import gc
import random
import time
import uuid
from collections.abc import Callable
from typing import Any

#: A Monday morning, two days before the date that the stand-in model likes to ask for.
NOW = 1936346400.0  # 2031-05-12 10:00 UTC, in seconds since the epoch

_real_sleep = asyncio.sleep
_later = 0.0  # seconds after NOW


def install() -> None:
    """Pin everything, for the life of this process."""
    _pin_dates()
    real_localtime, real_gmtime, real_strftime = time.localtime, time.gmtime, time.strftime
    time.time = _now
    time.time_ns = lambda: int(_now() * 1e9)
    time.perf_counter = _now  # not `monotonic`: the event loop waits by it
    time.perf_counter_ns = time.time_ns
    time.localtime = lambda seconds=None: real_localtime(_now() if seconds is None else seconds)  # type: ignore[assignment]
    time.gmtime = lambda seconds=None: real_gmtime(_now() if seconds is None else seconds)  # type: ignore[assignment]
    time.strftime = lambda form, moment=None: real_strftime(form, moment or real_localtime(_now()))  # type: ignore[assignment]
    time.sleep = lambda seconds: None
    asyncio.sleep = _no_sleep  # type: ignore[assignment]
    uuid.uuid4 = lambda: uuid.UUID(int=random.getrandbits(128), version=4)


def again(later: float = 0.0) -> None:
    """Begin anew: the same random numbers come again; others, and a later clock, with seconds after `NOW`."""
    global _later
    _later = later
    random.seed(later)


def _now() -> float:
    return NOW + _later


async def _no_sleep(delay: float, result: Any = None) -> Any:
    return await _real_sleep(0, result)


def _pin_dates() -> None:
    real_datetime = datetime.datetime
    zero = real_datetime.fromtimestamp

    def now(cls: Any, tz: datetime.tzinfo | None = None) -> Any:
        return zero(_now(), tz)

    def utcnow(cls: Any) -> Any:
        return zero(_now(), datetime.timezone.utc).replace(tzinfo=None)

    def today(cls: Any) -> Any:
        return zero(_now()) if issubclass(cls, real_datetime) else zero(_now()).date()

    _replace(real_datetime, now=now, utcnow=utcnow, today=today)
    _replace(datetime.date, today=today)


def _replace(owner: type, **methods: Callable[..., Any]) -> None:
    """Put class methods into a type that does not allow it."""
    members = gc.get_referents(owner.__dict__)
    if members and isinstance(members[0], dict):
        members[0].update({name: classmethod(function) for name, function in methods.items()})
        ctypes.pythonapi.PyType_Modified(ctypes.py_object(owner))
