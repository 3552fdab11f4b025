"""A keyword with another name, in a call that may have been given both."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.rewrite.arguments import find_keyword, keyword
from lk_migrate.rewrite.changes import Change, Rewrite, Todo


def renamed_keyword(call: cst.Call, arg: cst.Arg, new: str, both: str = "") -> Iterator[Change]:
    """`arg` under its `new` name; a marker where the call has that, too: an argument given twice does not compile.

    `both`: what to say of the two; else that the old one is gone.
    """
    old = keyword(arg)
    if find_keyword(call, new) is not None:
        yield Todo(arg, both or f"`{old}=` is gone, and `{new}=` is given, too: keep the one that is meant.")
        return
    yield Rewrite(arg, lambda updated: updated.with_changes(keyword=cst.Name(new)), f"`{old}=` is `{new}=` now")
