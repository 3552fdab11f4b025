"""`session.run(user_input="")` as a greeting is `session.generate_reply()`.

`AgentSession.run` is for tests: with an empty user input it made the agent speak first, at the price of an empty user
message in the history. In tests it is right, and stays.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import with_keyword
from lk_migrate.facts.instances import instance_of
from lk_migrate.facts.literals import string_value
from lk_migrate.model import Edition
from lk_migrate.rewrite.changes import Change, Rewrite
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule("LK121", Edition.HANDROLLED, __doc__, triggers=(b"user_input",))

_TEST = re.compile(r"(^|/)tests?/|(^|/)(test_[^/]*|[^/]*_test|conftest)\.py$")


@rule.on(cst.Call, among=with_keyword("user_input"))
def generate_reply(call: cst.Call, file: File) -> Iterator[Change]:
    if not (isinstance(call.func, cst.Attribute) and call.func.attr.value == "run" and len(call.args) == 1):
        return
    arg = call.args[0]
    if arg.keyword is None or arg.keyword.value != "user_input" or not isinstance(arg.value, cst.SimpleString):
        return
    if str(string_value(arg.value)).strip() or _TEST.search(file.path) or _in_test(call, file):
        return
    parent = file.parent(call)
    outer = file.parent(parent) if isinstance(parent, cst.Await) else parent
    if not isinstance(outer, cst.Expr):
        return
    if instance_of(file.project, file.module, call.func.value) not in (None, "AgentSession"):
        return
    yield Rewrite(call, _replied, "the agent speaks first by `generate_reply()`; `run` is for tests")


def _in_test(call: cst.Call, file: File) -> bool:
    function = file.enclosing(call, cst.FunctionDef)
    return function is not None and function.name.value.startswith("test")


def _replied(updated: cst.Call) -> cst.Call:
    assert isinstance(updated.func, cst.Attribute)
    func = updated.func.with_changes(attr=updated.func.attr.with_changes(value="generate_reply"))
    return updated.with_changes(func=func, args=[], whitespace_before_args=cst.SimpleWhitespace(""))
