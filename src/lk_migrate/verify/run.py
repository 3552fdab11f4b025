"""One verification from its options to its rows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from lk_migrate.facts.secrets import mask
from lk_migrate.model import Place, UserError
from lk_migrate.verify import console, environment, parity, static, voice, worker
from lk_migrate.verify.before import Before, before
from lk_migrate.verify.context import Context, Stage
from lk_migrate.verify.doctor import too_old
from lk_migrate.verify.entry import find_main
from lk_migrate.verify.findings import SIDE_NAMES
from lk_migrate.verify.interpreter import choose
from lk_migrate.verify.lanes import run_lanes
from lk_migrate.verify.processes import Children
from lk_migrate.verify.rows import Row
from lk_migrate.verify.workspace import copy_project, python_files

#: Every stage, in the order in which they run. A later stage is one more line here.
STAGES: tuple[Stage, ...] = (
    Stage(static.STAGE, "it parses, imports and builds; no deprecated API", static.run),
    Stage(console.STAGE, "it starts, greets, runs every tool and answers", console.run),
    Stage(voice.STAGE, "it hears, answers aloud, and can be interrupted", voice.run),
    Stage(worker.STAGE, "start and dev register, accept a job and end", worker.run),
    Stage(parity.STAGE, "the old code and the new do the same in the same conversations", parity.run),
    Stage(environment.STAGE, "which variables a real run needs", environment.run),
)


#: What runs at the same time, in the order of its lane. Two lanes for two cores: what a stage waits for is mostly time
#: that passes, speech and shutdown; with more, the delays that are measured would be ours. The rest runs before, alone:
#: it compiles what all import.
LANES: tuple[tuple[str, ...], ...] = ((voice.STAGE, parity.STAGE), (console.STAGE, worker.STAGE, environment.STAGE))


@dataclass(frozen=True, slots=True)
class Options:
    """What a person can choose. `timeout` is in seconds, for each stage."""

    root: Path
    main: str | None = None
    python: str | None = None
    timeout: float = 60.0
    stages: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    live: bool = False
    strict: bool = False
    old: Path | None = None


def _silent(message: str) -> None:
    """Nobody watches."""


def select(only: Iterable[str], skip: Iterable[str], stages: tuple[Stage, ...] = STAGES) -> tuple[Stage, ...]:
    """The stages to run, in their order. Raises UserError for a name that is none."""
    only, skip = tuple(only), tuple(skip)
    names = [stage.name for stage in stages]
    for name in (*only, *skip):
        if name not in names:
            raise UserError(f"there is no stage {name!r}; the stages are {', '.join(names)}.")
    return tuple(stage for stage in stages if (not only or stage.name in only) and stage.name not in skip)


def _before(root: Path, old: Path | None, to: Path) -> tuple[Before | None, str]:
    try:
        return before(root, old, to), ""
    except UserError as error:
        return None, str(error)


@contextmanager
def prepared(options: Options, tell: Callable[[str], None] = _silent) -> Iterator[Context]:
    """The context of a verification; its copy of the project is gone afterwards.

    Raises UserError for a root, main file or Python that is not there."""
    root = options.root.resolve()
    if not root.is_dir():
        raise UserError(f"{options.root}: there is no such folder; name the project's root.")
    tell("Python")
    python = choose(root, options.python)
    with tempfile.TemporaryDirectory(prefix="lk-migrate-verify-", ignore_cleanup_errors=True) as folder:
        scratch = Path(folder).resolve()
        workspace = scratch / root.name
        tell("a copy of the project")
        copy_project(root, workspace)
        files = tuple(python_files(workspace))
        main, no_main = find_main(workspace, files, options.main)
        old, no_old = _before(root, options.old, scratch / "old" / root.name)
        yield Context(
            root=root,
            workspace=workspace,
            scratch=scratch,
            main=main,
            no_main=no_main,
            files=files,
            python=python,
            timeout=options.timeout,
            live=options.live,
            strict=options.strict,
            before=old,
            no_before=no_old,
            tell=tell,
            bytecode=scratch / "bytecode",
            children=Children(),
        )


def verify(options: Options, tell: Callable[[str], None] = _silent) -> Iterator[Row]:
    """All rows of the selected stages, stage by stage in their order, as they become known."""
    stages = select(options.stages, options.skip)
    seen: set[tuple[str, str, Place | None]] = set()
    with prepared(options, tell) as context:
        old = too_old(context.python)
        if old is not None:  # nothing of ours runs there either
            yield old
            return
        for row in map(_without_secrets, run_lanes(context, stages, LANES)):
            # Every stage that runs the app meets the same side findings; one row for each is enough.
            side = (row.name, row.detail, row.place)
            if row.name not in SIDE_NAMES or side not in seen:
                yield row
            seen.add(side)


def _without_secrets(row: Row) -> Row:
    """What the app printed or raised may hold a key; what is yielded is shown, and kept for the report."""
    return replace(row, detail=mask(row.detail), steps=tuple((mask(name), at) for name, at in row.steps))
