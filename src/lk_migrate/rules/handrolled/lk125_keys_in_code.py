"""A key that stands in the main module stays out of the new one: it comes from the environment.

The new main.py is generated code, to be committed and shown around. `api_key="sk-…"` in the old one becomes
`api_key=os.environ["OPENAI_API_KEY"]`, with a marker: put the key into the environment (or `.env`) under that name, and
have its vendor replace it if it was ever committed. Files that are not written anew keep what they say.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.secrets import SHORTEST_SECRET, is_secret, variable_for
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.changes import Change, Replace, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK125", Edition.HANDROLLED, __doc__, safety=Safety.REVIEW, new_main_only=True)

_DEFAULTED = frozenset({"os.getenv", "os.environ.get", "os.environ.setdefault"})


@rule.on(cst.SimpleString)
def literal_key(node: cst.SimpleString, file: File) -> Iterator[Change]:
    """A string that is a key: given to a keyword, a variable, a dict entry, or as the default of `os.getenv`."""
    value = string_value(node) if len(node.raw_value) >= SHORTEST_SECRET else None
    if not isinstance(value, str):
        return
    call, name = _reading(node, file), _name(node, file)
    if not is_secret(value, name):
        return
    if call is not None:
        variable = str(getattr(call.args[0].value, "evaluated_value", "") or variable_for(value, name))
        place: cst.BaseExpression = call
    else:
        variable, place = variable_for(value, name, _vendor(node, file)), node
    spelled = f'{file.use("os")}.environ["{variable}"]'
    yield Replace(place, lambda _: cst.parse_expression(spelled), f"the key is read from {variable}")
    yield Todo(
        node,
        f"Put the key that stood here into the environment (or `.env`) as {variable}, "
        "and have it replaced if it was ever committed.",
    )


def _reading(node: cst.SimpleString, file: File) -> cst.Call | None:
    """The `os.getenv("NAME", "sk-…")` whose default the string is."""
    arg = file.parent(node)
    call = file.parent(arg) if isinstance(arg, cst.Arg) else None
    if isinstance(call, cst.Call) and file.full_name(call.func) in _DEFAULTED and call.args[0].value is not node:
        return call
    return None


def _name(node: cst.SimpleString, file: File) -> str:
    """What the string is given to."""
    parent = file.parent(node)
    call = file.parent(parent) if isinstance(parent, cst.Arg) else None
    if isinstance(parent, cst.Arg) and parent.keyword is not None:
        return parent.keyword.value
    if isinstance(call, cst.Call) and call.args[0].value is not node:
        return str(getattr(call.args[0].value, "evaluated_value", ""))  # os.getenv("NAME", "…")
    if isinstance(parent, cst.DictElement) and parent.value is node:
        return str(getattr(parent.key, "evaluated_value", ""))
    if isinstance(parent, cst.Assign):
        return _target(parent.targets[0].target)
    if isinstance(parent, (cst.AnnAssign, cst.Param)):
        return _target(parent.target if isinstance(parent, cst.AnnAssign) else parent.name)
    return ""


def _target(target: cst.BaseExpression) -> str:
    if isinstance(target, cst.Subscript) and len(target.slice) == 1 and isinstance(target.slice[0].slice, cst.Index):
        return str(getattr(target.slice[0].slice.value, "evaluated_value", ""))  # os.environ["NAME"] = "…"
    return (dotted(target) or "").rpartition(".")[2]


def _vendor(node: cst.SimpleString, file: File) -> str:
    """`deepgram` for `livekit.plugins.deepgram.STT(api_key=…)`, `livekit` for `LiveKitAPI(…)`."""
    arg = file.parent(node)
    call = file.parent(arg) if isinstance(arg, cst.Arg) else None
    name = file.full_name(call.func) if isinstance(call, cst.Call) else None
    if name is None:
        return ""
    parts = name.split(".")
    return parts[2] if name.startswith("livekit.plugins.") and len(parts) > 2 else parts[0]
