"""A handwritten agent with state, three tools, and one tool that calls another."""

from __future__ import annotations

import datetime
import sqlite3
from pathlib import Path
from typing import Literal

from livekit.agents import Agent, RunContext, function_tool

from services.diary import Diary, DiaryClosed

NOTES = Path("notes.db")


class Clinic(Agent):
    """Books appointments."""

    def __init__(self, instructions: str, opens_at: int = 9) -> None:
        super().__init__(instructions=instructions)
        self._opens_at = opens_at
        self._diary = Diary()
        self._booked: list[tuple[datetime.date, str]] = []

    async def on_enter(self) -> None:
        """Speak first."""
        self.session.generate_reply(instructions="Greet the caller.")

    @function_tool
    async def list_slots(self, ctx: RunContext, day: datetime.date, most: int = 3) -> str:
        """Free slots on a day.

        Args:
            day: the day that was asked for
            most: how many at most
        """
        try:
            first = self._diary.first_hour(self._opens_at)
        except DiaryClosed:
            return "The diary is closed."
        return ", ".join(f"{day} {first + n}:00" for n in range(most))

    @function_tool
    async def book(self, ctx: RunContext, day: datetime.date, email: str, kind: Literal["check-up", "cleaning"]) -> str:
        """Book a slot."""
        if "@" not in email:
            raise ValueError(f"not an address: {email}")
        self._booked.append((day, kind))
        return f"{await self.list_slots(ctx, day, 1)} is yours, {kind}"

    @function_tool(name="end_of_call")
    async def take_note(self, ctx: RunContext, text: str) -> None:
        """Write a note into the database; the model gets nothing back."""
        with sqlite3.connect(NOTES) as database:
            database.execute("create table if not exists notes (text)")
            database.execute("insert into notes values (?)", (text,))
