"""What the constructors of plugins and adapters take by keyword, and the fields of the server's requests.

`constructor_keywords.txt` is written from the installed packages by bench/constructor_keywords.py, and
tests/rules/test_constructor_keywords.py compares what is installed there. What takes `**kwargs` is not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from lk_migrate.facts.public_names import read_table

_TABLE = Path(__file__).with_name("constructor_keywords.txt")


@cache
def constructor_keywords() -> Mapping[str, frozenset[str]]:
    """Full name of a constructor (`livekit.plugins.openai.STT`, `livekit.plugins.silero.VAD.load`) → its keywords."""
    return read_table(_TABLE)
