"""`console --text` imports sounddevice although it plays nothing; without PortAudio that import fails."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

from lk_migrate_child.events import emit_once


def import_sounddevice(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Execute the real sounddevice; where PortAudio is missing, leave a module that has no devices."""
    try:
        execute(module)
    except OSError as error:
        emit_once("portaudio_missing", error=str(error))
        _without_devices(module, error)


def _without_devices(module: ModuleType, error: OSError) -> None:
    def unavailable(*args: Any, **kwargs: Any) -> Any:
        raise OSError(str(error))

    members: dict[str, Any] = {
        "PortAudioError": OSError,
        "default": SimpleNamespace(device=(-1, -1)),
        "query_devices": lambda *args, **kwargs: [],
        "query_hostapis": lambda *args, **kwargs: (),
        **dict.fromkeys(("InputStream", "OutputStream", "RawInputStream", "RawOutputStream", "Stream"), unavailable),
    }
    module.__dict__.update(members)
