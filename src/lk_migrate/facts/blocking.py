"""Calls that hold up the event loop: they belong in a thread."""

from __future__ import annotations

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.facts.walk import find

_MODULES = (
    "requests", "sqlite3", "subprocess", "urllib.request", "urllib3", "http.client", "smtplib", "ftplib", "imaplib",
    "socket", "psycopg2", "pymysql", "MySQLdb", "pymongo", "redis", "boto3", "twilio.rest", "shutil", "serial",
)  # fmt: skip
_FUNCTIONS = frozenset(
    {"time.sleep", "os.system", "os.popen", "httpx.get", "httpx.post", "httpx.put", "httpx.patch", "httpx.delete",
     "httpx.request", "httpx.Client"}
)  # fmt: skip
_HARMLESS = frozenset({"requests.exceptions", "redis.asyncio", "sqlite3.Row", "socket.gethostname"})
_BUILTINS = frozenset({"open", "input"})
_METHODS = frozenset({"read_text", "write_text", "read_bytes", "write_bytes"})
#: These are over when they return: nothing that they give back belongs to the thread they ran in.
_ONE_SHOTS = frozenset(
    {f"requests.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "options", "request")}
    | {f"httpx.{verb}" for verb in ("get", "post", "put", "patch", "delete", "head", "options", "request")}
    | {f"subprocess.{name}" for name in ("run", "call", "check_call", "check_output")}
    | {"time.sleep", "os.system", *_METHODS}
)


def blocking_call(project: Project, module: Module, function: cst.FunctionDef) -> str | None:
    """The first call in the body that blocks, as it is written; None when there is none to be seen."""
    for call in find(function.body, cst.Call):
        name = blocks(project, module, call)
        if name is not None:
            written = dotted(call.func)
            return written if written and name not in _METHODS else name
    return None


def blocks(project: Project, module: Module, call: cst.Call) -> str | None:
    """The full name of what this very call runs, if that blocks; a method of files has no more than its own."""
    name = project.full_name(module, call.func)
    if name is not None and _blocks(name):
        return name
    written = dotted(call.func)
    if written in _BUILTINS and project.resolve(module, call.func) is None and not module.is_local(written, call):
        return written
    if isinstance(call.func, cst.Attribute) and call.func.attr.value in _METHODS:
        return call.func.attr.value
    return None


def is_one_shot(name: str) -> bool:
    """Whether a blocking call (`blocks`) is over when it returns, unlike one that opens a connection or a file."""
    return name in _ONE_SHOTS


def _blocks(name: str) -> bool:
    if name in _FUNCTIONS:
        return True
    if any(name == h or name.startswith(f"{h}.") for h in _HARMLESS):
        return False
    return any(name.startswith(f"{m}.") for m in _MODULES)
