"""Files as they are: encodings, byte order marks, line endings; and those left alone, with a reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from lk_migrate.model import Skipped
from lk_migrate.project.source import SourceFile, read_source


def read(tmp_path: Path, data: bytes) -> SourceFile | Skipped:
    (tmp_path / "x.py").write_bytes(data)
    return read_source(tmp_path, "x.py")


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"", "utf-8"),
        ("s = 'ü'\n".encode(), "utf-8"),
        (b"\xef\xbb\xbfs = 1\n", "utf-8-sig"),
        (b"# -*- coding: latin-1 -*-\ns = '\xfc'\n", "iso-8859-1"),
        (b"#!/usr/bin/python\n# vim: set fileencoding=cp1252 :\ns = '\x80'\n", "cp1252"),
        (b"\xef\xbb\xbf# coding: utf-8\n", "utf-8-sig"),
        ("# coding: shift_jis\ns = 'テ'\n".encode("shift_jis"), "shift_jis"),
        (b"x = 1\r# coding: utf-8\r", "utf-8"),
        (b"x = 1\n\n# coding: nonsense\n", "utf-8"),  # the third line says nothing
    ],
)
def test_encoding_and_no_byte_changes(tmp_path: Path, data: bytes, encoding: str) -> None:
    source = read(tmp_path, data)
    assert isinstance(source, SourceFile)
    assert source.encoding == encoding
    assert source.data == data
    assert source.encode(source.text) == data
    assert source.bom == data.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize(
    ("data", "kinds", "final"),
    [
        (b"a\nb\n", ("\n",), True),
        (b"a\r\nb\r\nc\n", ("\r\n", "\n"), True),
        (b"a\rb", ("\r",), False),
        (b"a", (), False),
        (b"a\x0c\nb\n", ("\n",), True),  # a form feed ends no line
    ],
)
def test_line_endings(tmp_path: Path, data: bytes, kinds: tuple[str, ...], final: bool) -> None:
    source = read(tmp_path, data)
    assert isinstance(source, SourceFile)
    assert source.newlines == kinds
    assert source.newline == (kinds[0] if kinds else "\n")
    assert source.final_newline is final


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7fELF\0\0", "is a binary file"),
        ("x = 1\n".encode("utf-16"), "is UTF-16 or UTF-32, which Python does not read"),
        (b"x = 1\ns = '\xff'\n", "is not utf-8 text: byte 0xff in line 2"),
        (b"# coding: no-such-codec\n", "has no usable encoding: unknown encoding: no-such-codec"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "has no usable encoding: encoding problem: utf-8"),
    ],
)
def test_left_alone_with_a_reason(tmp_path: Path, data: bytes, reason: str) -> None:
    assert read(tmp_path, data) == Skipped("x.py", reason)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    os.mkfifo(root / "pipe.py")  # would keep a careless reader waiting for ever
    (tmp_path / "secret.py").write_text("KEY = 1\n")
    (root / "out.py").symlink_to("../secret.py")
    (root / "loop.py").symlink_to("loop.py")
    (root / "folder.py").mkdir()
    with (root / "huge.py").open("wb") as huge:
        huge.truncate(100_000_000)
    reasons = {name: read_source(root, f"{name}.py") for name in ("pipe", "out", "loop", "folder", "gone", "huge")}
    assert {name: skipped.reason for name, skipped in reasons.items() if isinstance(skipped, Skipped)} == {
        "pipe": "cannot be read: not a regular file",
        "out": "cannot be read: a symbolic link that leads out of the project",
        "loop": "cannot be read: too many levels of symbolic links",
        "folder": "cannot be read: not a regular file",
        "gone": "cannot be read: no such file or directory",
        "huge": "cannot be read: larger than 10 megabytes, which is data rather than code",
    }


def test_a_link_inside_the_root_is_read(tmp_path: Path) -> None:
    (tmp_path / "real.py").write_bytes(b"x = 1\n")
    (tmp_path / "link.py").symlink_to("real.py")
    source = read_source(tmp_path, "link.py")
    assert isinstance(source, SourceFile) and source.data == b"x = 1\n"


def test_mode_and_time_are_kept(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_bytes(b"")
    (tmp_path / "x.py").chmod(0o750)
    os.utime(tmp_path / "x.py", ns=(1, 1_234_567_890_123_456_789))
    source = read_source(tmp_path, "x.py")
    assert isinstance(source, SourceFile)
    assert (source.mode, source.mtime_ns) == (0o750, 1_234_567_890_123_456_789)
