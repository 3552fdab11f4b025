"""The options that every command takes, before or after its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer


@dataclass(frozen=True)
class Common:
    """What a command's `common` parameter receives."""

    root: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False


_OPTIONS: dict[str, Any] = {
    "root": Annotated[
        Path | None, typer.Option("--root", metavar="PATH", help="The project. [default: found from here up]")
    ],
    "json": Annotated[bool, typer.Option("--json", help="Write the result as JSON to stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Write no messages but errors.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Write more messages.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")],
}

_FLAGS = frozenset({"--json", "--quiet", "-q", "--verbose", "-v", "--debug"})

#: Files and folders, from the current folder, then from the root.
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATHS]...", show_default=False)]

#: Small trees are converted by one process whatever is asked for (workers.py).
Jobs = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", min=1, help="At most so many processes for a big tree. [default: one a core]"),
]


def with_common(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the common options in place of its `common` parameter."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "common"
    ]

    def call(**values: Any) -> Any:
        common = Common(**{name: values.pop(name) for name in _OPTIONS})
        return command(common=common, **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        *(parameter.replace(kind=keyword) for parameter in own),
        *(
            inspect.Parameter(name, keyword, default=getattr(Common, name), annotation=annotation)
            for name, annotation in _OPTIONS.items()
        ),
    ]
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__name__, call.__doc__ = command.__name__, command.__doc__
    return call


def after_command(arguments: Sequence[str]) -> list[str]:
    """Common options that stand before the command's name moved behind it, where they are declared.

    (Were they options of the group as well, each would be declared, and parsed, twice.)
    """
    rest, moved = list(arguments), []
    while rest and (rest[0] in _FLAGS or rest[0] == "--root" or rest[0].startswith("--root=")):
        moved += [rest.pop(0) for _ in range(2 if rest[0] == "--root" else 1) if rest]
    return [rest[0], *moved, *rest[1:]] if rest and not rest[0].startswith("-") else [*rest]
