"""The options that every command takes, before or after its name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
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

    def over(self, outer: Common) -> Common:
        """This one's options, and where it has none, those given before the command's name."""
        return Common(
            **{field.name: getattr(self, field.name) or getattr(outer, field.name) for field in fields(self)}
        )


_OPTIONS: dict[str, Any] = {
    "root": Annotated[Path | None, typer.Option("--root", help="The project. [default: found from here up]")],
    "json": Annotated[bool, typer.Option("--json", help="Write the result as JSON to stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", help="Write no messages but errors.")],
    "verbose": Annotated[bool, typer.Option("--verbose", "-v", help="Write more messages.")],
    "debug": Annotated[bool, typer.Option("--debug", help="Show a traceback when something fails.")],
}

#: Files and folders, from the current folder, then from the root.
Paths = Annotated[list[Path] | None, typer.Argument(metavar="[PATHS]...", show_default=False)]


def with_common(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command with the common options in place of its `common` parameter."""
    own = [
        parameter
        for parameter in inspect.signature(command, eval_str=True).parameters.values()
        if parameter.name != "common"
    ]

    def call(ctx: typer.Context, **values: Any) -> Any:
        here = Common(**{name: values.pop(name) for name in _OPTIONS})
        outer = ctx.parent.obj if ctx.parent is not None and isinstance(ctx.parent.obj, Common) else Common()
        ctx.obj = here.over(outer)
        return command(common=ctx.obj, **values)

    keyword = inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter("ctx", keyword, annotation=typer.Context),
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
