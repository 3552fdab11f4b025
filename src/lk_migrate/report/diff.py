"""A plan as a patch that `git apply` takes: bytes in, bytes out, whatever the encoding and line ends."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import diff_bytes, unified_diff

from lk_migrate.model import FileChange


def patch(changes: Iterable[FileChange]) -> bytes:
    """All changes as one unified diff, new and deleted files included."""
    return b"".join(part for change in changes for part in file_patch(change))


def file_patch(change: FileChange) -> Iterator[bytes]:
    """The lines of one file's part of the patch."""
    path = change.path.encode("utf-8", "surrogateescape")
    old = b"a/" + path if change.before is not None else b"/dev/null"
    new = b"b/" + path if change.after is not None else b"/dev/null"
    yield b"diff --git a/" + path + b" b/" + path + b"\n"
    if change.before is None:
        yield b"new file mode 100644\n"
    if change.after is None:
        yield b"deleted file mode 100644\n"
    before, after = _lines(change.before), _lines(change.after)
    for line in diff_bytes(unified_diff, before, after, old, new):
        if line.endswith(b"\n"):
            yield line
        else:
            yield line + b"\n\\ No newline at end of file\n"


def _lines(data: bytes | None) -> list[bytes]:
    """Lines as git counts them: split at LF only, CR stays with its line."""
    if not data:
        return []
    lines = data.split(b"\n")
    last = lines.pop()
    return [line + b"\n" for line in lines] + ([last] if last else [])
