"""Python files as nobody would write them, with LiveKit code in them; every one comes back from its number.

Statements of the standard library and of our own rule fixtures and legacy apps are mixed, wrapped, dropped, doubled,
commented and mutated, and written with odd line ends, encodings and bytes. Most are valid Python; some are not, on
purpose. One input in ten is a project of several files, manifests among them; one in 500 is a whole legacy app, in
which so little is tampered with that most still get a new main module.
"""

from __future__ import annotations

import random

from material import Snippet, apps, cut, legacy_by_rule, library, projects, untouched_by_rule, whole_apps
from mutations import mutated, mutated_whole, surely_mutated


def generated(seed: int) -> dict[str, bytes]:
    """The input with this number: path → bytes."""
    dice = random.Random(seed)
    chance = dice.random()
    if chance < 0.002:
        return tampered_app(dice)
    return tampered_project(dice) if chance < 0.1 else {"main.py": _file(dice)}


def snippet(dice: random.Random) -> Snippet:
    """One that a rule is meant for, most of the time: every rule is as likely as any other."""
    chance = dice.random()
    if chance < 0.08:
        return dice.choice(apps())
    by_rule = legacy_by_rule() if chance < 0.85 else untouched_by_rule()
    return dice.choice(by_rule[dice.choice(list(by_rule))])


def _file(dice: random.Random) -> bytes:
    parts: list[str] = []
    for _ in range(dice.choice((1, 1, 1, 2, 2, 3))):
        parts += [mutated(p, dice) for p in snippet(dice) if dice.random() > 0.04]
    if dice.random() < 0.4:
        strangers = dice.choice(library())
        most = 40_000 if dice.random() < 0.03 else 2_000  # time is better spent on many inputs than on long ones
        for part in dice.sample(strangers, min(len(strangers), dice.randint(1, 3))):
            if len(part) < most:
                parts.insert(dice.randint(0, len(parts)), part)
    if dice.random() < 0.1:
        dice.shuffle(parts)
    return _written(mutated_whole("\n".join(parts) + "\n", dice), dice)


def tampered_app(dice: random.Random) -> dict[str, bytes]:
    """A legacy app, the larger the likelier, with a statement or two tampered with, most often of its main module."""
    files = dict(dice.choices(whole_apps(), [len(files) for files in whole_apps()])[0])
    python = [path for path in files if path.endswith(".py")]
    main = max((path for path in python if "/" not in path), key=lambda path: len(files[path]))
    for _ in range(dice.choice((1, 1, 2))):
        path = main if dice.random() < 0.7 else dice.choice(python)
        files[path] = _a_statement_tampered(files[path], dice)
    return files


def _a_statement_tampered(data: bytes, dice: random.Random) -> bytes:
    """One statement of a file, the longer the likelier, and seldom the whole or how it is written."""
    found = cut([data])
    if not found:  # an empty file, or one that was made unreadable before
        return data
    parts = list(found[0])
    at = dice.choices(range(len(parts)), [len(part.splitlines()) for part in parts])[0]
    parts[at] = surely_mutated(parts[at], dice)
    text = "\n".join(parts) + "\n"
    if dice.random() < 0.5:
        text = mutated_whole(text, dice)
    return _written(text, dice) if dice.random() < 0.25 else text.encode()


def tampered_project(dice: random.Random) -> dict[str, bytes]:
    """The files of a fixture, each tampered with or left alone, or with a snippet of another rule in it."""
    return {path: _tampered(path, data, dice) for path, data in dice.choice(projects()).items()}


def _tampered(path: str, data: bytes, dice: random.Random) -> bytes:
    if not path.endswith(".py"):
        lines = data.splitlines(keepends=True)
        if lines and dice.random() < 0.3:
            del lines[dice.randrange(len(lines))]
        return b"".join(lines)
    found = cut([data])
    if not found or dice.random() < 0.3:
        return data
    parts = [mutated(p, dice) for p in found[0] if dice.random() > 0.02]
    if dice.random() < 0.4:
        parts += [mutated(p, dice) for p in snippet(dice)]
    return _written("\n".join(parts) + "\n", dice)


def _written(text: str, dice: random.Random) -> bytes:
    """The text with the line ends, the encoding and the bytes that files come with."""
    kind = dice.randrange(32)
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
