"""One requirement in a manifest, and how its text is changed without touching the rest of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Pep508
from packaging.utils import canonicalize_name

_PEP508 = re.compile(
    r"^(?P<name>\s*[A-Za-z0-9][A-Za-z0-9._-]*)(?P<extras>\s*\[[^\]]*\])?(?P<pins>\s*\(?[^;()@]*\)?)(?P<rest>.*)$", re.S
)


@dataclass(frozen=True, slots=True)
class Requirement:
    """`name` is canonical (PEP 503); `extras` and `pins` are as written; `at` is for the format that read it."""

    name: str
    extras: tuple[str, ...]
    pins: str
    line: int
    at: Any
    #: The list it stands in: "" for what the project always needs, else a group's or an extra's name.
    group: str = ""
    #: It is fetched from a URL, a repository or a folder: there is no version to raise.
    direct: bool = False
    #: False where taking it out would leave a broken command.
    removable: bool = True


@dataclass(frozen=True, slots=True)
class Addition:
    """A requirement to add after the one with index `after`; at the end of the main list when None."""

    name: str
    extras: tuple[str, ...]
    pins: str
    after: int | None

    def __str__(self) -> str:
        return f"{self.name}{f'[{chr(44).join(self.extras)}]' if self.extras else ''}{self.pins}"


@dataclass(frozen=True, slots=True)
class Edits:
    """Index of a requirement → its new self, or None when it goes; and what is added."""

    changed: Mapping[int, Requirement | None]
    added: tuple[Addition, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changed or self.added)


def parse(text: str, line: int, at: Any, group: str = "") -> Requirement | None:
    """A PEP 508 string; None when it is none."""
    found = _parsed(text)
    return replace(found, line=line, at=at, group=group) if found is not None else None


@lru_cache(1000)
def _parsed(text: str) -> Requirement | None:
    """The same wherever it stands: a project's manifests name the same packages, and are read several times."""
    try:
        found = Pep508(text)
    except InvalidRequirement:
        return None
    match = _PEP508.match(text)
    if match is None:
        return None
    return Requirement(
        canonicalize_name(found.name),
        tuple(e.strip() for e in (match["extras"] or "").strip().strip("[]").split(",") if e.strip()),
        "" if found.url else match["pins"].strip(" \t()"),
        line=0,
        at=None,
        direct=found.url is not None,
    )


def respell(text: str, old: Requirement, new: Requirement) -> str:
    """A PEP 508 string with the new extras and pins; spaces, markers and the name's spelling stay."""
    match = _PEP508.match(text)
    assert match is not None, text
    extras = match["extras"] or ""
    if new.extras != old.extras:
        comma = ", " if ", " in extras else ","
        lead = extras[: len(extras) - len(extras.lstrip())]
        extras = f"{lead}[{comma.join(new.extras)}]" if new.extras else ""
    pins = match["pins"]
    if new.pins != old.pins:
        pins = pins.replace(old.pins, new.pins, 1) if old.pins else new.pins + pins
    return f"{match['name']}{extras}{pins}{match['rest']}"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a requirement stands in a text: itself, what goes with it, and where and how a neighbour is added."""

    start: int
    end: int
    drop_start: int
    drop_end: int
    insert_at: int
    lead: str
    trail: str
    #: The text of a requirement, the old one, the new one → the new text.
    respell: Callable[[str, Requirement, Requirement], str] = respell
    #: A new requirement in this format.
    spell: Callable[[Addition], str] = str


def line_spot(body: str, start: int, end: int, eol: str, *, ended: bool) -> Spot:
    """For a requirement `body` (indented, without comment) on the line or lines [start, end) of its own.

    `ended`: a line ending `eol` closes it; the last line of a file may lack one.
    """
    indent = body[: len(body) - len(body.lstrip())]
    lead, trail = (indent, eol) if ended else (eol + indent, "")
    return Spot(start + len(indent), start + len(body), start, end, end, lead, trail)


def write_text(text: str, requirements: Sequence[Requirement], edits: Edits, tail: Spot | None = None) -> str:
    """The text with the edits, for formats whose requirements have a `Spot`. `tail` is the end of the main list."""
    heirs = _heirs(requirements, edits)
    pieces: list[tuple[int, int, str]] = []
    for index, new in edits.changed.items():
        old = requirements[index]
        spot: Spot = old.at
        if index in heirs:
            pieces.append((spot.start, spot.end, str(heirs[index])))
        elif new is None:
            pieces.append((spot.drop_start, spot.drop_end, ""))
        else:
            pieces.append((spot.start, spot.end, spot.respell(text[spot.start : spot.end], old, new)))
    for addition in edits.added:
        place = tail if addition.after is None else requirements[addition.after].at
        if place is not None and addition not in heirs.values():
            pieces.append((place.insert_at, place.insert_at, f"{place.lead}{place.spell(addition)}{place.trail}"))
    out, at = "", 0
    for start, end, new_text in sorted(pieces, key=lambda piece: piece[:2]):
        out += text[at : max(start, at)]
        if not out or out.endswith(("\n", "\r")):  # the unfinished last line that it would have followed is gone
            new_text = new_text.lstrip("\r\n")
        out += new_text
        at = max(end, at)
    return out + text[at:]


def _heirs(requirements: Sequence[Requirement], edits: Edits) -> dict[int, Addition]:
    """Index of a requirement that goes → the one that was to follow it and takes its place.

    Between commas or in a command, what follows something needs that something.
    """
    heirs: dict[int, Addition] = {}
    for addition in edits.added:
        after = addition.after
        goes = after is not None and after in edits.changed and edits.changed[after] is None
        if after is not None and goes and requirements[after].at.spell is str:
            heirs.setdefault(after, addition)
    return heirs


def with_pins(requirement: Requirement, pins: str) -> Requirement:
    """The same requirement on other versions."""
    return replace(requirement, pins=pins)
