"""What is free; it may be out of reach."""

from __future__ import annotations


class DiaryClosed(Exception):
    """Nobody may look into it now."""


class Diary:
    """Free hours."""

    def first_hour(self, opens_at: int) -> int:
        """The first free hour of a day."""
        if opens_at < 0:
            raise DiaryClosed
        return opens_at
