"""The groups of a plan, and the files of a group, in several processes (processes.py).

Groups travel as bytes and come back as outcomes. The files of one group are shared between copies of the process that
has understood it, where there can be copies. What asks other processes is imported when there are some.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from lk_migrate.late_methods import methods_when_called

if TYPE_CHECKING:
    from lk_migrate.conversion import Converter, Group, Settled
    from lk_migrate.options import ConvertOptions
    from lk_migrate.processes import Worker

#: Whether processes can be forked; on macOS the system's own libraries do not bear it.
FORKS = hasattr(os, "fork") and sys.platform != "darwin"
#: Bytes of code that speaks of LiveKit, for each process: below that another one costs more than it saves
#: (docs/performance.md).
_WORTH = 20_000 if FORKS else 120_000
#: What a file takes besides what its length does, in bytes: five milliseconds, in which 2 kB are converted.
_EACH = 2_000
#: A process is given this part of its share of what is left, so that all end together; and never less than that much.
_PART, _LEAST = 3, 8_000
#: Seconds after which this process looks whether another one waits for it; Python's own are five times a small file.
_PATIENCE = 0.0002
_START = "from lk_migrate.workers import convert_asked; convert_asked()"

Item = TypeVar("Item")
Part = TypeVar("Part")


@contextmanager
def converter(jobs: int | None, files: Mapping[str, bytes]) -> Iterator[Converter]:
    """How these files are to be converted: here, or with other processes.

    `jobs`: how many may work, this one included; None: as many as there are cores. There are never more than pay.
    """
    most = jobs or available()
    # (copies are made when it is known what there is to convert)
    if not FORKS:
        most = _paying(most, (len(data) for path, data in files.items() if path.endswith(".py") and b"livekit" in data))
    with several(most) as convert:
        yield convert


def _paying(jobs: int, sizes: Iterable[int]) -> int:
    """As many of these processes as pay for so much code."""
    return min(jobs, sum(sizes) // _WORTH)


def available() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def several(jobs: int) -> Iterator[Converter]:
    """A converter that works with `jobs` processes, this one included; they end with the context."""
    with ExitStack() as stack:
        stack.callback(sys.setswitchinterval, sys.getswitchinterval())
        sys.setswitchinterval(_PATIENCE)
        yield _Several(jobs, stack)


class _Several:
    """A `Converter`. New Pythons are started at once, to import what this one imports meanwhile; copies are made of the
    process that has imported it."""

    def __init__(self, jobs: int, stack: ExitStack) -> None:
        self._jobs, self._stack = jobs, stack
        self._elsewhere = 0  # bytes that other processes are at work on
        self._started = [] if FORKS else self._new(jobs - 1)

    def _new(self, count: int) -> list[Worker]:
        from lk_migrate.processes import started

        return [self._stack.enter_context(started(_START)) for _ in range(count)]

    def _copies(self, answer: Callable[[Any], Any], sizes: Iterable[int]) -> list[Worker]:
        count = _paying(self._jobs, sizes) - 1
        if count < 1:
            return []
        from lk_migrate.processes import forked

        return [self._stack.enter_context(forked(answer)) for _ in range(count)]

    def groups(
        self,
        groups: Sequence[Group],
        options: ConvertOptions,
        told: Callable[[str], None],
        meanwhile: Callable[[], object],
    ) -> list[Settled]:
        """See `Converter`."""
        from lk_migrate.conversion import OneByOne, convert_group

        alone = OneByOne()
        if self._jobs < 2:
            return alone.groups(groups, options, told, meanwhile)
        from lk_migrate.processes import Task, worked_off

        _import_rules()
        total = sum(map(_size, groups))
        # What would keep one of them busy to the end is begun here, and shared when it is understood.
        big = [group for group in groups if FORKS and _size(group) * self._jobs > total]
        rest = [group for group in groups if group not in big]
        sizes = list(map(_size, rest))
        portions = _portions(rest, [_work(map(len, group.values())) for group in rest], self._jobs)
        tasks = [Task([path for group in portion for path in group], (portion, options)) for portion in portions]
        workers = self._copies(_converted, sizes) if FORKS else self._started
        answers = worked_off(tasks, workers, lambda asked: alone.groups(asked[0], options, told, _nothing), told)
        self._elsewhere = sum(sizes) if workers else 0
        if workers:
            _import_manifests()
        meanwhile()
        self._elsewhere = 0
        outcomes = [convert_group(group, options, told, self) for group in big]
        return [*outcomes, *(outcome for answer in answers for outcome in answer)]

    def files(
        self, sizes: Mapping[str, int], convert: Callable[[str], Part], told: Callable[[str], None]
    ) -> Iterable[Part]:
        """See `Converter`."""
        from lk_migrate.conversion import OneByOne

        alone = OneByOne()
        # More copies than cores would wait for each other, where others have as much to do as this takes here.
        mine = sum(sizes.values())
        pays = FORKS and mine * self._jobs > mine + self._elsewhere
        workers = self._copies(lambda paths: [convert(path) for path in paths], sizes.values()) if pays else []
        if not workers:
            return alone.files(sizes, convert, told)
        from lk_migrate.processes import Task, worked_off

        portions = _portions(list(sizes), [_work([size]) for size in sizes.values()], self._jobs)
        tasks = [Task(paths, paths) for paths in portions]
        answers = worked_off(tasks, workers, lambda paths: list(alone.files(paths, convert, told)), told)
        return (part for answer in answers for part in answer)


def _size(group: Group) -> int:
    return sum(map(len, group.values()))


def _work(sizes: Iterable[int]) -> int:
    """What files of these sizes take, in bytes."""
    return sum(size + _EACH for size in sizes)


def _portions(items: Sequence[Item], sizes: Sequence[int], jobs: int) -> Iterator[list[Item]]:
    """The items, the biggest first, in portions that become smaller and smaller."""
    left = sum(sizes)
    portion: list[Item] = []
    held = 0
    for size, at in sorted(((size, at) for at, size in enumerate(sizes)), key=lambda pair: (-pair[0], pair[1])):
        portion.append(items[at])
        held += size
        if held >= max(_LEAST, left // (jobs * _PART)):
            yield portion
            left -= held
            portion, held = [], 0
    if portion:
        yield portion


def _nothing(*_: str) -> None:
    """What is told, and done meanwhile, in other processes."""


def _converted(asked: tuple[Sequence[Group], ConvertOptions]) -> list[Settled]:
    from lk_migrate.conversion import OneByOne

    return OneByOne().groups(*asked, _nothing, _nothing)


def _import_rules() -> None:
    from lk_migrate.rules.registry import all_rules

    all_rules()


def _import_manifests() -> None:
    """What the plan asks for in the end, when others have nothing to do any more."""
    import lk_migrate.manifests.plan  # noqa: F401


def convert_asked() -> None:
    """What a new Python does."""
    import gc

    from lk_migrate.processes import serve

    gc.disable()  # as in read.py
    with methods_when_called():
        _import_rules()
        serve(_converted)
