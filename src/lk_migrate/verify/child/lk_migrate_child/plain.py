"""Values as plain data, so that those of two processes can be compared."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import re
import types
import uuid
from typing import Any

_DEPTH = 6  # deeper than any state that a tool keeps
_ITEMS = 200
#: Whose objects are known by their class only; a logger knows all others of its process.
_OPAQUE = frozenset({"livekit", "unittest", "asyncio", "threading", "logging", "lk_migrate_child"})
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}|(?<=id=')\d{9,}(?=')")


def plain(value: Any, depth: int = 0) -> Any:
    """JSON-able, without addresses; objects by class name and attributes; what cannot be seen into by its type."""
    if isinstance(value, enum.Enum):
        return plain(value.value, depth + 1)
    if isinstance(value, str):
        return _ADDRESS.sub("0x…", value)
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 6) if value == value else "nan"
    if isinstance(value, bytes):
        return repr(value)
    if isinstance(value, (datetime.date, datetime.time, datetime.timedelta, decimal.Decimal, uuid.UUID)):
        return f"{type(value).__name__} {value}"
    if depth >= _DEPTH:
        return type(value).__name__
    if isinstance(value, dict):
        return {str(plain(key, depth + 1)): plain(one, depth + 1) for key, one in list(value.items())[:_ITEMS]}
    if isinstance(value, (list, tuple)):
        return [plain(one, depth + 1) for one in list(value)[:_ITEMS]]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(one, depth + 1) for one in value), key=repr)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {_ADDRESS.sub('0x…', str(value))}"
    if isinstance(value, (type, types.FunctionType, types.MethodType, types.BuiltinFunctionType, types.ModuleType)):
        return getattr(value, "__name__", type(value).__name__)
    if type(value).__name__ in ("FunctionTool", "RawFunctionTool") and hasattr(value, "__name__"):
        return value.__name__  # a table of an object's methods holds its tools now
    if type(value).__module__.split(".")[0] in _OPAQUE:
        return type(value).__name__
    members = _members(value)
    return {"(class)": type(value).__name__, **{name: plain(one, depth + 1) for name, one in members.items()}}


def _members(value: Any) -> dict[str, Any]:
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name, None) for field in dataclasses.fields(value)}
    return dict(vars(value)) if hasattr(value, "__dict__") else {}
