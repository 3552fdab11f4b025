"""A keyword with another name, in a call that may have been given both (LK312, LK319, LK320)."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.rewrite.arguments import find_keyword, keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo


def renamed_keyword(call: cst.Call, arg: cst.Arg, new: str, instead: str) -> Iterator[Change]:
    """`arg` under its `new` name; where the call has that, too, it counts alone, and `instead` says what to do."""
    old = keyword(arg)
    if find_keyword(call, new) is not None:
        yield Todo(call, f"`{old}=` has no effect beside `{new}=`: {instead}.")
        return
    yield Rewrite(arg, lambda updated: updated.with_changes(keyword=cst.Name(new)), f"`{old}=` is now `{new}=`")
