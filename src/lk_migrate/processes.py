"""Other processes that are asked one thing after another, and answer.

Where a process can be forked, they are copies of this one, and cost milliseconds. Elsewhere they are new Pythons. No
`multiprocessing`: what it starts imports from the current folder first, and that is the person's project, nothing of
which is to be imported (`struct.py`, `queue.py`, …). Ours take the search path of this process before they import
anything. They end when nothing more can be asked of them, so that none outlives us.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import IO, Any, Protocol

from lk_migrate.model import UserError
from lk_migrate.project.paths import display

#: What a process does with a question.
Answer = Callable[[Any], Any]


@dataclass(frozen=True)
class Task:
    """A question, and the files that it is about."""

    paths: Sequence[str]
    question: Any


@dataclass(frozen=True)
class _Done:
    """What another process has answered."""

    task: Task
    answer: Any


@dataclass(frozen=True)
class _Failed:
    """What a process answers when something was raised: the traceback does not travel by itself."""

    error: Exception
    text: str


def worked_off(
    tasks: Iterable[Task], workers: Sequence[Worker], here: Answer, told: Callable[[str], None]
) -> Iterator[Any]:
    """The answers to all questions in any order: this process (`here`) takes one whenever it has nothing else to do.

    The others begin at once. It raises what an answer raised, in whichever process, and UserError for a process that
    came to its end. `told`: each path that another process is done with.
    """
    open_tasks = deque(tasks)
    left = len(open_tasks)
    finished: SimpleQueue[_Done | Exception] = SimpleQueue()
    for worker in workers:
        threading.Thread(target=worker.work_off, args=(open_tasks, finished), daemon=True).start()

    def answers() -> Iterator[Any]:
        nonlocal left
        while left:
            for done in _waiting(finished, block=not open_tasks):
                if isinstance(done, Exception):
                    raise done
                for path in done.task.paths:
                    told(path)
                left -= 1
                yield done.answer
            mine = _next(open_tasks)
            if mine is not None:
                left -= 1
                yield here(mine.question)

    return answers()


def _next(tasks: deque[Task]) -> Task | None:
    try:
        return tasks.popleft()
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


class Worker:
    """A process that answers; leaving the context ends it. `to`, `back`: what it reads and what it writes."""

    def __init__(self, process: _Process, to: IO[bytes], back: IO[bytes]) -> None:
        self._process, self._to, self._back = process, to, back

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()

    def work_off(self, tasks: deque[Task], finished: SimpleQueue[_Done | Exception]) -> None:
        """Take tasks until there is none left, or one fails."""
        while (task := _next(tasks)) is not None:
            try:
                pickle.dump(task.question, self._to, pickle.HIGHEST_PROTOCOL)
                self._to.flush()
                answer = pickle.load(self._back)
            except (OSError, EOFError, pickle.UnpicklingError):
                finished.put(_lost(task.paths[0], self._process.wait()))
                return
            if isinstance(answer, _Failed):
                answer.error.__cause__ = RuntimeError(answer.text)
                finished.put(answer.error)
                return
            finished.put(_Done(task, answer))


def _lost(path: str, code: int) -> UserError:
    what = f"by signal {-code}" if code < 0 else f"with code {code}"
    return UserError(
        f"a worker process ended {what} while it converted {display(path)} or a file near it (out of memory?). "
        "Nothing was written; run it again with --jobs 1."
    )


def started(code: str) -> Worker:
    """A new Python that runs this code, which is to call `serve`."""
    path = [os.path.abspath(p) for p in sys.path if p]  # noqa: PTH100
    process = subprocess.Popen(
        [sys.executable, "-c", f"import sys; sys.path[:] = {path!r}; {code}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C is this process's business
    )
    assert process.stdin is not None and process.stdout is not None
    return Worker(process, process.stdin, process.stdout)


class _Copy:
    """A forked process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._asked = threading.Lock()

    def kill(self) -> None:
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        with self._asked:  # by the thread that asks it, and by the one that ends it
            if self.returncode is None:
                self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            return self.returncode


def forked(answer: Answer) -> Worker:
    """A copy of this process that answers so: it knows all that this one knows."""
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
                _answering(questions, given, answer)
            code = 0
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(code)  # what this process had still to do is not the copy's business
    os.close(asked)
    os.close(answers)
    return Worker(_Copy(pid), os.fdopen(to, "wb"), os.fdopen(back, "rb"))


def serve(answer: Answer) -> None:
    """Answer what comes on the standard input until it ends: what a new Python does."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that is printed by mistake is an answer
    _answering(sys.stdin.buffer, answers, answer)


def _answering(asked: IO[bytes], answers: IO[bytes], answer: Answer) -> None:
    while True:
        try:
            question = pickle.load(asked)
        except EOFError:
            return
        try:
            pickle.dump(_answered(question, answer), answers, pickle.HIGHEST_PROTOCOL)
            answers.flush()
        except BrokenPipeError:  # the first process is gone
            os._exit(1)


def _answered(question: Any, answer: Answer) -> Any:
    try:
        return answer(question)
    except Exception as error:
        text = traceback.format_exc()
        try:
            pickle.loads(pickle.dumps(error))
        except Exception:
            return _Failed(RuntimeError(repr(error)), text)
        return _Failed(error, text)
