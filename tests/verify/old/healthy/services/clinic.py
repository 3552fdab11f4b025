"""The same agent by hand: no base class, a turn gate in every tool."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Literal

from services.diary import Diary, DiaryClosed

NOTES = Path("notes.db")


class Clinic:
    def __init__(self, instructions: str, opens_at: int = 9) -> None:
        self.instructions = instructions
        self._opens_at = opens_at
        self._diary = Diary()
        self._booked: list[tuple[datetime.date, str]] = []
        self._last_speech_id = None

    def _turn_gate(self, ctx) -> str | None:
        speech_id = getattr(ctx, "speech_id", None)
        if speech_id == self._last_speech_id:
            return "One thing after the other."
        self._last_speech_id = speech_id
        return None

    async def list_slots(self, ctx, day: datetime.date, most: int = 3) -> str:
        try:
            first = self._diary.first_hour(self._opens_at)
        except DiaryClosed:
            return "The diary is closed."
        return ", ".join(f"{day} {first + n}:00" for n in range(most))

    async def book(self, ctx, day: datetime.date, email: str, kind: Literal["check-up", "cleaning"]) -> str:
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        if "@" not in email:
            raise ValueError(f"not an address: {email}")
        self._booked.append((day, kind))
        return f"{await self.list_slots(ctx, day, 1)} is yours, {kind}"

    async def take_note(self, ctx, text: str) -> None:
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        with sqlite3.connect(NOTES) as database:
            database.execute("create table if not exists notes (text)")
            database.execute("insert into notes values (?)", (text,))
