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


def blocking_call(project: Project, module: Module, function: cst.FunctionDef) -> str | None:
    """The first call in the body that blocks, as it is written; None when there is none to be seen."""
    for call in find(function.body, cst.Call):
        name = project.full_name(module, call.func)
        written = dotted(call.func)
        if name is not None and _blocks(name):
            return written or name
        if written in _BUILTINS and project.resolve(module, call.func) is None and not module.is_local(written, call):
            return written
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in _METHODS:
            return call.func.attr.value
    return None


def _blocks(name: str) -> bool:
    if name in _FUNCTIONS:
        return True
    if any(name == h or name.startswith(f"{h}.") for h in _HARMLESS):
        return False
    return any(name.startswith(f"{m}.") for m in _MODULES)
