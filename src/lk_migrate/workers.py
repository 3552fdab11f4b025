"""The groups of a plan in several processes: this one, and others that are given bytes and give outcomes back.

Where a process can be forked, the others are copies of this one, made when it has imported everything: they cost
milliseconds. Elsewhere they are started at once and import as much at the same time. No `multiprocessing`: what it
starts imports from the current folder first, and that is the person's project, nothing of which is to be imported
(`struct.py`, `queue.py`, …). Ours take the search path of this process before they import anything. They end when
nothing more can be asked of them, so that none outlives us.
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO, TYPE_CHECKING, Any, Protocol

from lk_migrate.late_methods import methods_when_called
from lk_migrate.model import UserError
from lk_migrate.project.paths import display

if TYPE_CHECKING:
    from lk_migrate.conversion import Converter, Group, Settled
    from lk_migrate.options import ConvertOptions

#: Whether processes can be forked; on macOS the system's own libraries do not bear it.
_FORKS = hasattr(os, "fork") and sys.platform != "darwin"
#: Bytes of code that speaks of LiveKit, for each process: below that another one costs more than it saves
#: (docs/performance.md).
_WORTH = 20_000 if _FORKS else 120_000
#: How many portions each process is given on average: enough that all end together.
_PORTIONS = 8
_START = "import sys; sys.path[:] = {path!r}; from lk_migrate.workers import serve; serve()"


@contextmanager
def converter(jobs: int | None, files: Mapping[str, bytes]) -> Iterator[Converter]:
    """How the groups of these files are to be converted: here, or with other processes, which are started at once.

    `jobs`: how many may work, this one included; None: as many as there are cores. There are never more than pay.
    """
    size = sum(len(data) for path, data in files.items() if path.endswith(".py") and b"livekit" in data)
    with several(min(jobs or available(), size // _WORTH)) as convert:
        yield convert


def available() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def several(jobs: int) -> Iterator[Converter]:
    """A converter that works with `jobs` processes, this one included; they end with the context.

    It raises what a conversion raised, in whichever process, and UserError for a process that came to its end.
    """
    with ExitStack() as stack:
        workers = [] if _FORKS else [stack.enter_context(_started()) for _ in range(jobs - 1)]

        def convert(
            groups: Sequence[Group],
            options: ConvertOptions,
            told: Callable[[str], None],
            meanwhile: Callable[[], object],
        ) -> list[Settled]:
            from lk_migrate.conversion import one_by_one
            from lk_migrate.rules.registry import all_rules

            if jobs < 2 or not groups:
                return one_by_one(groups, options, told, meanwhile)
            if _FORKS:
                all_rules()
                workers.extend(stack.enter_context(_forked()) for _ in range(jobs - 1))
            portions = deque(_portions(groups, jobs * _PORTIONS))
            left = len(portions)
            finished: SimpleQueue[_Done | Exception] = SimpleQueue()
            for worker in workers:
                threading.Thread(target=worker.work_off, args=(portions, options, finished), daemon=True).start()
            outcomes: list[Settled] = []
            meanwhile()
            while left:
                for done in _waiting(finished, block=not portions):
                    if isinstance(done, Exception):
                        raise done
                    for path in done.paths:
                        told(path)
                    outcomes += done.outcomes
                    left -= 1
                mine = _next(portions)
                if mine is not None:
                    outcomes += one_by_one(mine, options, told, _nothing)
                    left -= 1
            return outcomes

        yield convert


#: Groups that one process converts before it asks for more.
_Portion = Sequence[Mapping[str, bytes]]


@dataclass(frozen=True)
class _Done:
    """A portion that another process has converted."""

    paths: Sequence[str]
    outcomes: Sequence[Settled]


@dataclass(frozen=True)
class _Failed:
    """What a process answers when its conversion raised something: the traceback does not travel by itself."""

    error: Exception
    text: str


def _portions(groups: Sequence[Group], count: int) -> Iterator[_Portion]:
    """About `count` portions of about the same size, the biggest groups first."""
    sizes = [sum(map(len, group.values())) for group in groups]
    most = max(1, sum(sizes) // count)
    portion: list[Group] = []
    held = 0
    for size, at in sorted(((size, at) for at, size in enumerate(sizes)), key=lambda pair: (-pair[0], pair[1])):
        portion.append(groups[at])
        held += size
        if held >= most:
            yield portion
            portion, held = [], 0
    if portion:
        yield portion


def _nothing() -> None:
    """What there is to do meanwhile in all processes but the first, and there the second time."""


def _next(portions: deque[_Portion]) -> _Portion | None:
    try:
        return portions.popleft()
    except IndexError:
        return None


def _waiting(finished: SimpleQueue[_Done | Exception], *, block: bool) -> Iterator[_Done | Exception]:
    """What has been finished meanwhile; `block`: at least one."""
    if block:
        yield finished.get()
    while True:
        try:
            yield finished.get_nowait()
        except Empty:
            return


class _Process(Protocol):
    """What can be done with another process."""

    def kill(self) -> None: ...

    def wait(self) -> int: ...


class _Worker:
    """A process that converts; leaving the context ends it. `to`, `back`: what it reads and what it writes."""

    def __init__(self, process: _Process, to: IO[bytes], back: IO[bytes]) -> None:
        self._process, self._to, self._back = process, to, back

    def __enter__(self) -> _Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def work_off(
        self, portions: deque[_Portion], options: ConvertOptions, finished: SimpleQueue[_Done | Exception]
    ) -> None:
        """Take portions until there is none left, or one fails."""
        while (portion := _next(portions)) is not None:
            paths = [path for group in portion for path in group]
            try:
                answer = self._asked(portion, options)
            except (OSError, EOFError, pickle.UnpicklingError):
                finished.put(_lost(paths[0], self._process.wait()))
                return
            if isinstance(answer, _Failed):
                answer.error.__cause__ = RuntimeError(answer.text)
                finished.put(answer.error)
                return
            finished.put(_Done(paths, answer))

    def _asked(self, portion: _Portion, options: ConvertOptions) -> Sequence[Settled] | _Failed:
        pickle.dump((portion, options), self._to, pickle.HIGHEST_PROTOCOL)
        self._to.flush()
        return pickle.load(self._back)  # type: ignore[no-any-return]


def _started() -> _Worker:
    """A new Python."""
    path = [os.path.abspath(p) for p in sys.path if p]  # noqa: PTH100
    process = subprocess.Popen(
        [sys.executable, "-c", _START.format(path=path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is this process's business
    )
    assert process.stdin is not None and process.stdout is not None
    return _Worker(process, process.stdin, process.stdout)


class _Copy:
    """A forked process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._waiting = threading.Lock()  # it can be waited for once, by the thread that asks it or by the first one

    def kill(self) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):  # waited for this moment
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        with self._waiting:
            if self.returncode is None:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return self.returncode


def _forked() -> _Worker:
    """A copy of this process."""
    asked, to = os.pipe()
    back, answers = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a thread that draws the progress may hold a lock, but no copy asks for it
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setsid()  # as above
            os.close(to)
            os.close(back)
            with os.fdopen(asked, "rb") as questions, os.fdopen(answers, "wb") as given:
                _serve(questions, given)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)  # what this process had still to do is not the copy's business
    os.close(asked)
    os.close(answers)
    return _Worker(_Copy(pid), os.fdopen(to, "wb"), os.fdopen(back, "rb"))


def _lost(path: str, code: int) -> UserError:
    what = f"by signal {-code}" if code < 0 else f"with code {code}"
    return UserError(
        f"a worker process ended {what} while it converted {display(path)} or a file near it (out of memory?). "
        "Nothing was written; run it again with --jobs 1."
    )


def serve() -> None:
    """Convert what comes on the standard input until it ends: what the other processes run."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed by mistake is an answer
    with methods_when_called():
        _serve(sys.stdin.buffer, answers)


def _serve(asked: IO[bytes], answers: IO[bytes]) -> None:
    import gc

    from lk_migrate.rules.registry import all_rules

    gc.disable()  # as in read.py
    all_rules()
    while True:
        try:
            portion, options = pickle.load(asked)
        except EOFError:
            return
        try:
            pickle.dump(_answer(portion, options), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # the first process is gone
            os._exit(1)


def _answer(portion: _Portion, options: ConvertOptions) -> Any:
    from lk_migrate.conversion import one_by_one

    try:
        return one_by_one(portion, options, lambda path: None, _nothing)
    except Exception as error:
        text = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return _Failed(RuntimeError(repr(error)), text)
        return _Failed(error, text)
