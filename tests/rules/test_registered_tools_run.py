"""Tools that were registered by hand are in the converted `Toolset`, and reach a model that is given it (LK210)."""

from __future__ import annotations

from typing import Any

from livekit.agents import llm

from lk_migrate.plan import ConvertOptions, make_plan

SHOP = b"""\
from livekit.agents import llm


@llm.ai_callable(description="When the shop is open")
async def opening_hours(day: str) -> str:
    return "nine to six"


@llm.ai_callable(description="Book a table")
async def book(day: str) -> str:
    return day


class ShopTools(llm.FunctionContext):
    def __init__(self, tables: bool) -> None:
        super().__init__()
        self._register_ai_function(opening_hours)
        if tables:
            self._register_ai_function(book)


box = llm.FunctionContext()
box._register_ai_function(book)
"""


def test_they_are_offered() -> None:
    (change,) = make_plan({"shop.py": SHOP}, ConvertOptions()).changes
    assert change.after is not None
    names: dict[str, Any] = {}
    exec(compile(change.after, "shop.py", "exec"), names)

    def offered(box: llm.Toolset) -> list[str]:
        return [tool.info.name for tool in llm.ToolContext([box]).flatten() if isinstance(tool, llm.FunctionTool)]

    assert offered(names["ShopTools"](True)) == ["opening_hours", "book"]
    assert offered(names["ShopTools"](False)) == ["opening_hours"]
    assert offered(names["box"]) == ["book"]
