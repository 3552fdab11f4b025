"""What stands for a session, a room, a job, and for the run context of a tool."""

from __future__ import annotations

import functools
from typing import Any

from lk_migrate_child.plain import plain


class Anything:
    """A session, a room, a job: has every attribute, may be called and awaited, and does nothing."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return Anything()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return Anything()

    def __await__(self) -> Any:
        return iter(())

    def __iter__(self) -> Any:
        return iter(())

    async def __aenter__(self) -> Any:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    def __str__(self) -> str:
        return "anything"


class Kept(Anything):
    """The session's userdata, of whatever kind it is: keeps attributes and items alike, under their names."""

    def __getitem__(self, key: Any) -> Any:
        return self.__dict__.get(str(key), Anything())

    def __setitem__(self, key: Any, value: Any) -> None:
        self.__dict__[str(key)] = value

    def __delitem__(self, key: Any) -> None:
        self.__dict__.pop(str(key), None)

    def __contains__(self, key: Any) -> bool:
        return str(key) in self.__dict__

    def get(self, key: Any, default: Any = None) -> Any:
        """As a dictionary does."""
        return self.__dict__.get(str(key), default)

    def setdefault(self, key: Any, default: Any = None) -> Any:
        """As a dictionary does."""
        return self.__dict__.setdefault(str(key), default)


class Session(Anything):
    """Anything that remembers what it was told to say."""

    def __init__(self) -> None:
        self.heard: list[list[Any]] = []

    def say(self, text: Any = "", **options: Any) -> Any:
        """The words; how they are said is the entrypoint's concern."""
        self.heard.append(["say", plain(text)])
        return Anything()

    def generate_reply(self, **options: Any) -> Any:
        """What the model is asked for."""
        told = {name: plain(options[name]) for name in ("instructions", "user_input") if options.get(name)}
        self.heard.append(["generate_reply", told])
        return Anything()


@functools.lru_cache(maxsize=1)
def turn_class() -> type:
    from livekit.agents import RunContext

    class Turn(RunContext):  # type: ignore[type-arg]
        """A context of one turn of the user, which has its utterance under every name by which it ever was known."""

        session = function_call = property(lambda self: Anything())
        userdata = property(lambda self: self.__dict__["kept"])
        speech_handle = property(lambda self: self.__dict__["speech"])

        def __init__(self, number: int, userdata: Anything) -> None:
            speech = Anything()
            speech.__dict__.update(id=f"speech_{number}", speech_id=f"speech_{number}")
            self.__dict__.update(speech_id=f"speech_{number}", speech=speech, turn_id=number, kept=userdata)

        def __getattr__(self, name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            return Anything()

    return Turn
