"""One Python file as it lies on the disk: its bytes, and how they are to be read.

Nothing is ever normalised: bytes in, bytes out. Encoding by PEP 263 (https://peps.python.org/pep-0263/),
found by the standard library's own `tokenize.detect_encoding`.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import re
import stat
import tokenize
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lk_migrate.facts.stray_bytes import STRAY, has_stray_bytes
from lk_migrate.model import Skipped
from lk_migrate.project.paths import NO_LINK, READ, is_inside, reason, sha256

#: Bytes. Beyond, a file is data that happens to be Python: its tree would take two gigabytes for every three megabytes.
LARGEST = 10_000_000
_NEWLINE = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True)
class SourceFile:
    """A readable Python file. `encoding` is a codec name that keeps a BOM (`utf-8-sig` has one)."""

    path: str
    data: bytes
    mode: int
    encoding: str
    #: Nanoseconds since the epoch.
    mtime_ns: int

    @property
    def bom(self) -> bool:
        """Whether the file starts with the UTF-8 byte order mark."""
        return self.encoding == "utf-8-sig"

    @cached_property
    def text(self) -> str:
        """The decoded text; line endings are as in the file, a BOM is left out."""
        return self.data.decode(self.encoding)

    @cached_property
    def newlines(self) -> tuple[str, ...]:
        """The kinds of line ending in the file, the most frequent first."""
        kinds = _NEWLINE.findall(self.text)
        return tuple(sorted(set(kinds), key=lambda kind: (-kinds.count(kind), kind)))

    @property
    def newline(self) -> str:
        """The line ending for new lines: the most frequent one; a line feed when there is none."""
        return self.newlines[0] if self.newlines else "\n"

    @property
    def final_newline(self) -> bool:
        """Whether the last line is ended."""
        return self.text.endswith(("\n", "\r"))

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the bytes."""
        return sha256(self.data)

    def encode(self, text: str) -> bytes:
        """Text in this file's encoding, with its BOM.

        Raises UnicodeEncodeError when the encoding has no such character.
        """
        return text.encode(self.encoding)


def read_source(root: Path, path: str) -> SourceFile | Skipped:
    """Read one file of the project, or say in one sentence why it is left as it is."""
    try:
        data, info = _read(root, path)
    except OSError as error:
        return Skipped(path, f"cannot be read: {reason(error)}")
    found = detect_encoding(data)
    if isinstance(found, _Problem):
        return Skipped(path, found.reason)
    return SourceFile(path, data, stat.S_IMODE(info.st_mode), found, info.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class _Problem:
    reason: str


def detect_encoding(data: bytes) -> str | _Problem:
    """The codec by PEP 263, once all of `data` is known to decode with it."""
    if b"\0" in data:
        wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
        return _Problem("is UTF-16 or UTF-32, which Python does not read" if wide else "is a binary file")
    encoding = "utf-8"
    if data.startswith(codecs.BOM_UTF8) or b"coding" in b"".join(data[:4096].split(b"\n", 2)[:2]):
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        except SyntaxError as error:
            return _Problem(f"has no usable encoding: {error.msg}")
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding == "utf-8" and has_stray_bytes(data):
            return STRAY
        line = data.count(b"\n", 0, error.start) + 1
        return _Problem(f"is not {encoding} text: byte 0x{data[error.start]:02x} in line {line}")
    except (UnicodeError, LookupError) as error:
        return _Problem(f"is not {encoding} text: {error}")
    return encoding


def _read(root: Path, path: str) -> tuple[bytes, os.stat_result]:
    full = f"{os.fspath(root)}/{path}"  # joining Paths would cost as much as reading a small file
    try:
        handle = os.open(full, READ | NO_LINK)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        real = os.path.realpath(full)
        if not is_inside(root, real):
            raise OSError(errno.ELOOP, "a symbolic link that leads out of the project") from error
        handle = os.open(real, READ | NO_LINK)
    try:
        info = os.fstat(handle)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        if info.st_size > LARGEST:
            raise OSError(errno.EFBIG, f"larger than {LARGEST // 1_000_000} megabytes, which is data rather than code")
        return _everything(handle, info.st_size), info
    finally:
        os.close(handle)


def _everything(handle: int, size: int) -> bytes:
    """What is left of an open file of about `size` bytes. (A stream object would double the price of a small file.)"""
    data = os.read(handle, size + 1)
    if len(data) == size:
        return data
    parts = [data]
    while parts[-1]:  # it has grown meanwhile, or came in parts
        parts.append(os.read(handle, 1 << 20))
    return b"".join(parts)
