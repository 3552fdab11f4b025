"""New source with its names as a file spells them."""

from __future__ import annotations

import re

from lk_migrate.rewrite.file import File


def spelled(source: str, needs: frozenset[str], file: File) -> str:
    """`source`, with each of the dotted names in `needs` imported, and called as the file calls it."""
    for target in sorted(needs):
        local, name = file.use(target), target.rpartition(".")[2]
        if local != name:
            source = re.sub(rf"\b{name}\b", local, source)
    return source
