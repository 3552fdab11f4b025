"""Python files as nobody would write them, with LiveKit code in them; every one comes back from its number.

Statements of the standard library and of our own rule fixtures are mixed, wrapped, dropped, doubled, commented and
mutated, and written with odd line ends, encodings and bytes. Most are valid Python; some are not, on purpose.
"""

from __future__ import annotations

import ast
import random
import re
import sysconfig
import textwrap
from functools import cache
from pathlib import Path

FIXTURES = Path(__file__).parents[2] / "fixtures" / "rules"
_WRAPS = (
    "if ready:\n{}",
    "try:\n{}\nexcept Exception:  # so be it\n    pass",
    "def outer(self, x=1):\n{}",
    "async def outer():\n{}",
    "class Outer:\n{}",
    "for _ in range(3):\n{}\nelse:\n    pass",
    "while True:\n{}",
    "with open('x') as f:\n{}",
    "match value:\n    case 1:\n{}",
)


@cache
def fixture_parts() -> tuple[tuple[str, ...], ...]:
    """The top-level statements of every rule's fixture, file by file."""
    files = [p for p in sorted(FIXTURES.rglob("*.py")) if ".after." not in p.name and "after" not in p.parts]
    return tuple(parts for p in files if (parts := _parts(p.read_bytes())))


@cache
def library_parts() -> tuple[tuple[str, ...], ...]:
    """Top-level statements of the standard library's smaller modules."""
    folder = Path(sysconfig.get_path("stdlib"))
    files = sorted(p for p in folder.glob("*.py") if 200 < p.stat().st_size < 40_000)
    return tuple(parts for p in files if (parts := _parts(p.read_bytes())))


def _parts(data: bytes) -> tuple[str, ...]:
    """Each statement with the comments above it."""
    try:
        text = data.decode()
        tree = ast.parse(text)
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return ()
    lines, found, last = text.splitlines(), [], 0
    for node in tree.body:
        end = node.end_lineno or node.lineno
        if end > last:
            found.append("\n".join(lines[last:end]))
            last = end
    return tuple(found)


def generated(seed: int) -> bytes:
    """The input with this number."""
    dice = random.Random(seed)
    parts: list[str] = []
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3))):
        parts += [_mutated(p, dice) for p in dice.choice(fixture_parts()) if dice.random() > 0.04]
    if dice.random() < 0.5:
        strangers = dice.choice(library_parts())
        most = 40_000 if dice.random() < 0.03 else 2_000  # time is better spent on many inputs than on long ones
        for part in dice.sample(strangers, min(len(strangers), dice.randint(1, 3))):
            if len(part) < most:
                parts.insert(dice.randint(0, len(parts)), part)
    if dice.random() < 0.1:
        dice.shuffle(parts)
    return _written("\n".join(parts) + "\n", dice)


def _mutated(part: str, dice: random.Random) -> str:
    chance = dice.random()
    if chance < 0.08:
        part = dice.choice(_WRAPS).format(textwrap.indent(part, "        " if dice.random() < 0.3 else "    "))
    elif chance < 0.11:
        part = f"{part}\n{part}"
    elif chance < 0.20:
        part = _without_a_line(part, dice)
    elif chance < 0.28:
        part = _commented(part, dice)
    elif chance < 0.33:
        part = re.sub(r"(\w+)=([\w.]+)", r"**{'\1': \2}", part, count=1)
    elif chance < 0.38:
        names = re.findall(r"[A-Za-z_]\w+", part)
        if names:
            part = re.sub(rf"\b{dice.choice(names)}\b", dice.choice([*names, "self", "x"]), part)
    elif chance < 0.41:
        part = part.replace("(", "(\n    # here\n", 1)
    elif chance < 0.43:
        part = part.replace(", ", " ,", 2)
    return part


def _without_a_line(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    del lines[dice.randrange(len(lines))]
    return "\n".join(lines)


def _commented(part: str, dice: random.Random) -> str:
    lines = part.split("\n")
    for number in dice.sample(range(len(lines)), min(len(lines), 3)):
        if dice.random() < 0.5:
            lines[number] += f"  # remark {number}"
        else:
            indent = re.match(r"\s*", lines[number])
            lines[number] = f"{indent.group() if indent else ''}# above {number}\n{lines[number]}"
    return "\n".join(lines)


def _written(text: str, dice: random.Random) -> bytes:
    """The text with the line ends, the encoding and the bytes that files come with."""
    kind = dice.randrange(24)
    if kind == 0:
        return text.replace("\n", "\r\n").encode()
    if kind == 1:
        return "".join(c if c != "\n" or dice.random() < 0.5 else "\r\n" for c in text).encode()
    if kind == 2:
        return b"\xef\xbb\xbf" + text.encode()
    if kind == 3:
        return b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + text.encode("latin-1", "replace")
    if kind == 4:
        return ("# vim: set fileencoding=cp1251 :\nname = 'Анна'\n" + text).encode("cp1251", "replace")
    if kind == 5:
        return text.replace("\n\n", "\n\f\n").encode()
    if kind == 6:
        return text.replace("    ", "\t").encode()
    if kind == 7:
        return text.rstrip("\n").encode()
    if kind == 8:
        return (text + "long = [" + "'x', " * (5_000 if dice.random() < 0.03 else 10) + "]\n").encode()
    if kind == 9:
        return (text + f"deep = {'(' * 90}1{')' * 90}\n").encode()
    if kind == 10:
        data = bytearray(text.encode())
        data[dice.randrange(len(data))] = dice.choice((0, 13, 12, 9, 0x80, 0xFF, 0x5C))
        return bytes(data)
    if kind == 11:
        return ('name = "x"\nsaid = f"{name + "quoted" + f"{name}"}"\n' + text).encode()  # Python 3.12's
    if kind == 12:
        return text.replace("\n", "\\\n", 1).encode()
    if kind == 13:
        return ("#!/usr/bin/env python3\n'''Doc.'''\nfrom __future__ import annotations\n" + text).encode()
    return text.encode()
