"""A patch for a person at a terminal: coloured, and wrapped by nobody but the terminal, so that code can be copied."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

#: How a line begins → its style; the first that fits.
_STYLES = {
    b"diff --git": "bold",
    b"--- ": "bold",
    b"+++ ": "bold",
    b"new file": "bold",
    b"deleted file": "bold",
    b"@@": "cyan",
    b"+": "green",
    b"-": "red",
}


def show_patch(data: bytes, console: Console) -> None:
    """Line by line; nothing in it moves the cursor."""
    for line in data.removesuffix(b"\n").split(b"\n"):
        style = next((style for start, style in _STYLES.items() if line.startswith(start)), "")
        text = line.decode("utf-8", "replace").expandtabs(4)
        console.print(Text("".join(c if c.isprintable() else "·" for c in text.rstrip("\r")), style), soft_wrap=True)
