"""What the framework does while the app runs, as observations; and the exchange of its models."""

from __future__ import annotations

import errno
import functools
import logging
import math
import os
import re
import socket
import sys
import warnings
from collections.abc import Callable
from types import FrameType, ModuleType
from typing import Any
from urllib.parse import urlsplit

from lk_migrate_child import waiting
from lk_migrate_child.events import (
    emit,
    emit_once,
    in_project,
    place_of_caller,
    place_of_traceback,
)
from lk_migrate_child.models import exchange_models

#: Arguments of `Agent` and `AgentTask` that are deprecated without any message (livekit-agents 1.8.9).
SILENTLY_DEPRECATED = (
    "turn_detection",
    "min_endpointing_delay",
    "max_endpointing_delay",
    "allow_interruptions",
    "mcp_servers",
)

#: `python main.py console` needs `cli.run_app`, so what that says about itself is not the person's concern.
ALLOWED = ("the built-in Python CLI is deprecated", "dev mode is deprecated")


_FRAME = re.compile(r'File "([^"]+)", line (\d+)')


def _is_allowed(message: str) -> bool:
    return any(part in message for part in ALLOWED)


class _LogWatch(logging.Handler):
    """Deprecations and failed tools, which the framework only logs."""

    def emit(self, record: logging.LogRecord) -> None:
        message = record.getMessage()
        if "deprecated" in message and not _is_allowed(message):
            emit_once("deprecated", message=message, **place_of_caller())
        error = record.exc_info[1] if record.exc_info else None
        if message == "exception occurred while executing tool" and error is not None:
            emit(
                "tool_error",
                tool=getattr(record, "function", ""),
                error=_last_line(error),
                unreachable=_is_unreachable(error),
                **place_of_traceback(error.__traceback__),
            )
        elif message.startswith("unhandled exception while running the job task") and error is not None:
            emit("job_failed", error=_last_line(error), **place_of_traceback(error.__traceback__))
        elif message.startswith("event loop blocked"):
            _on_blocked(record)
        elif message == "process initialized":
            emit("process_ready")
        elif message.startswith("failed to connect to livekit, retrying"):
            _on_not_connected(getattr(record, "error", None))
        elif record.levelno >= logging.ERROR:
            text = message if error is None else f"{message}: {_last_line(error)}"
            place = place_of_traceback(error.__traceback__) if error is not None else {}
            emit_once("error_log", error=text, **place)


def _on_not_connected(error: Any) -> None:
    """A server's refusal has a status. Its text has the whole address, which may hold a token: it is left out."""
    status = getattr(error, "status", None)
    emit("connect_failed", status=status, error=_last_line(error) if status is None else f"the server answers {status}")


def _on_blocked(record: logging.LogRecord) -> None:
    """The framework's own monitor (telemetry/loop_monitor.py) saw the loop stand still; only with a line of the
    project on the stack is it the project's doing."""
    for path, line in reversed(_FRAME.findall(getattr(record, "stack", ""))):
        inside = in_project(path)
        if inside is not None:
            emit("blocked", seconds=getattr(record, "duration", 0.0), path=inside, line=int(line))
            return


def _is_unreachable(error: BaseException) -> bool:
    """Whether the error came of a connection that could not be made."""
    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, (ConnectionError, socket.gaierror)):
            return True
        chain = chain.__cause__ or chain.__context__
    return False


def _last_line(error: BaseException) -> str:
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _warned_by_livekit() -> bool:
    """Whether livekit called `warnings.warn`, on whomever it put the blame with `stacklevel`."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename in (__file__, warnings.__file__):
        frame = frame.f_back
    return frame is not None and frame.f_globals.get("__name__", "").startswith("livekit.")


def _watch_warnings() -> None:
    show = warnings.showwarning

    def showwarning(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        if issubclass(category, DeprecationWarning) and _warned_by_livekit() and not _is_allowed(str(message)):
            path = in_project(filename)
            place = {"path": path, "line": lineno} if path else place_of_caller()
            emit_once("deprecated", message=str(message), **place)
        show(message, category, filename, lineno, *rest)

    warnings.showwarning = showwarning  # type: ignore[assignment]
    # By default only those that are blamed on __main__ come through; this one goes last so that the app's
    # win.
    warnings.filterwarnings("default", category=DeprecationWarning, append=True)


def _on_item(event: Any) -> None:
    item = event.item
    if getattr(item, "type", "") == "message":
        emit("item", role=item.role, text=item.text_content or "")


def _on_tools(event: Any) -> None:
    for call, output in event.zipped():
        emit(
            "tool_ran",
            tool=call.name,
            arguments=call.arguments,
            output="" if output is None else output.output,
            is_error=output is not None and output.is_error,
            reply=event.has_tool_reply,
            handoff=event.has_agent_handoff,
        )


def _on_error(event: Any) -> None:
    error = getattr(event.error, "error", event.error)
    text = _last_line(error) if isinstance(error, BaseException) else str(error)
    emit_once("session_error", error=text, source=type(event.source).__name__)


def _listen(session: Any) -> None:
    session.on("conversation_item_added", _on_item)
    session.on("function_tools_executed", _on_tools)
    session.on("error", _on_error)
    session.on("close", lambda event: emit("session_closed", reason=str(event.reason)))


def _watch_agents(package: Any, stand_in: bool) -> None:
    from livekit.agents import NOT_GIVEN

    def session_init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        if stand_in:
            exchange_models(kwargs)
        original(self, *args, **kwargs)
        _listen(self)

    def session_start(original: Any, self: Any, agent: Any, *args: Any, **kwargs: Any) -> Any:
        emit("session_started", agent=type(agent).__name__)
        return original(self, agent, *args, **kwargs)

    def agent_init(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        for name in SILENTLY_DEPRECATED:
            if kwargs.get(name, NOT_GIVEN) is not NOT_GIVEN:  # the framework's own subclasses pass what they were given
                emit_once(
                    "deprecated",
                    message=f"Agent({name}=) is deprecated; see turn_handling= and tools= of Agent",
                    **place_of_caller(),
                )
        if stand_in:
            exchange_models(kwargs)
        original(self, *args, **kwargs)

    def job_begun(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        waiting.a_job_begins()
        emit("job_begun")

    def initialize(original: Any, self: Any, *args: Any, **kwargs: Any) -> None:
        entrypoint = self._job_entrypoint_fnc

        @functools.wraps(entrypoint)
        async def told(*args: Any, **kwargs: Any) -> None:
            await entrypoint(*args, **kwargs)
            emit("entrypoint_returned")

        self._job_entrypoint_fnc = told
        try:
            original(self, *args, **kwargs)
        except BaseException as error:  # `sys.exit` there ends it as well
            emit("prewarm_failed", error=_last_line(error), **place_of_traceback(error.__traceback__))
            raise

    def http_init(original: Any, self: Any, host: str, port: int) -> None:
        if port and _is_taken(host, port):
            emit_once("port_in_use", port=port)
            port = 0
        original(self, host, port)

    def registered(original: Any, self: Any, *args: Any) -> None:
        original(self, *args)
        emit("registered_with", host=urlsplit(self._ws_url).hostname, agent=self._agent_name)

    async def wait_for_participant(original: Any, self: Any, *args: Any, **kwargs: Any) -> Any:
        emit("waits_for_participant", **place_of_caller())
        participant = await original(self, *args, **kwargs)
        emit("participant_came")
        return participant

    _wrap(package.AgentSession, "__init__", session_init)
    _wrap(package.AgentSession, "start", session_start)
    _wrap(package.Agent, "__init__", agent_init)
    _wrap(package.JobContext, "wait_for_participant", wait_for_participant)
    _wrap(package.JobContext, "__init__", job_begun)
    # The framework only logs a prewarm that raises; in a thread, as in the console, it then waits for ever.
    from livekit.agents.ipc.job_proc_lazy_main import _JobProc

    _wrap(_JobProc, "initialize", initialize)
    from livekit.agents import worker
    from livekit.agents.utils.http_server import HttpServer

    _wrap(HttpServer, "__init__", http_init)
    _wrap(worker.AgentServer, "_handle_register", registered)
    if "LK_MIGRATE_NO_JOBS" in os.environ:
        # As if it were full: that is what it tells the server, and how it answers when it is offered a job.
        _wrap(worker.AgentServer, "_is_available", lambda *_: False)
        _wrap(worker.AgentServer, "_get_effective_load", lambda *_: math.inf)
    if stand_in:
        # How busy this machine is with our own processes is no reason to decline a job.
        worker._DefaultLoadCalc.get_load = staticmethod(lambda *args: 0.0)  # type: ignore


def _is_taken(host: str, port: int) -> bool:
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host or "0.0.0.0", port))
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False


def _wrap(owner: Any, name: str, around: Callable[..., Any]) -> None:
    """Replace a method by one that calls `around(original, self, ...)` and looks like the original."""
    original = getattr(owner, name)

    @functools.wraps(original)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return around(original, self, *args, **kwargs)

    setattr(owner, name, method)


def import_agents(module: ModuleType, execute: Callable[[ModuleType], None]) -> None:
    """Execute `livekit.agents`, then watch it."""
    _watch_warnings()
    execute(module)
    logging.getLogger("livekit").addHandler(_LogWatch())
    _watch_agents(sys.modules[module.__name__], stand_in="LK_MIGRATE_STANDIN" in os.environ)
