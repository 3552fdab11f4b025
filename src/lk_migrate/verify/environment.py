"""Stage *environment*: which variables a real run needs, and which of them are set.

Names only, never a value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from lk_migrate.model import Place
from lk_migrate.verify.context import Context
from lk_migrate.verify.needs import (
    NEEDED_BY_PLUGIN,
    NEEDED_BY_WORKER,
    Use,
    plugins_imported,
    set_in_dotenv,
    variables_read,
)
from lk_migrate.verify.rows import Row, Status

STAGE = "environment"


def run(context: Context) -> Iterator[Row]:
    """One row for each variable that the code, its plugins or a LiveKit worker need, and one for the rest."""
    where_set = _where_set(context.root)
    plugins = sorted({name for file in context.files for name in plugins_imported(context.workspace / file)})
    uses = _first_uses(context)
    needed = Status.FAILED if context.live else Status.SKIPPED
    told: set[str] = set()
    for why, group in [
        *(("a worker connects with it", (name,)) for name in NEEDED_BY_WORKER),
        *((f"livekit.plugins.{plugin}", group) for plugin in plugins for group in NEEDED_BY_PLUGIN.get(plugin, ())),
    ]:
        told.update(group)
        yield _row(group, f"missing for a real run: {why}", where_set, missing=needed)
    own = {name: use for name, use in sorted(uses.items()) if name not in told}
    for name, use in own.items():
        if use.required:
            why = "missing for a real run: the code stops without it"
            yield _row((name,), why, where_set, missing=needed, place=_place(use, context.workspace))
    yield from _optional([name for name, use in own.items() if not use.required], where_set)


def _optional(names: list[str], where_set: dict[str, str]) -> Iterator[Row]:
    """All that the code can do without, in a row or two: there may be dozens."""
    given = [name for name in names if name in where_set]
    absent = [name for name in names if name not in where_set]
    if given:
        yield Row(STAGE, "optional, set", Status.OK, ", ".join(f"{name} ({where_set[name]})" for name in given))
    if absent:
        yield Row(STAGE, "optional, not set", Status.SKIPPED, f"the code copes without {', '.join(absent)}")


def _row(
    group: tuple[str, ...],
    why: str,
    where_set: dict[str, str],
    *,
    missing: Status,
    place: Place | None = None,
) -> Row:
    found = next((name for name in group if name in where_set), None)
    name = " or ".join(group)
    if found is not None:
        return Row(STAGE, name, Status.OK, f"{found} is set in {where_set[found]}", place)
    return Row(STAGE, name, missing, why, place)


def _where_set(root: Path) -> dict[str, str]:
    """Variable → where it is set. What is in the process wins, as it does with load_dotenv()."""
    return set_in_dotenv(root) | {name: "the environment" for name, value in os.environ.items() if value}


def _first_uses(context: Context) -> dict[str, Use]:
    """The first use of each variable; a required one goes before others."""
    uses: dict[str, Use] = {}
    for file in context.files:
        for use in variables_read(context.workspace / file):
            if use.name not in uses or (use.required and not uses[use.name].required):
                uses[use.name] = use
    return uses


def _place(use: Use, workspace: Path) -> Place:
    return Place(Path(use.path).relative_to(workspace).as_posix(), use.line, use.line)
