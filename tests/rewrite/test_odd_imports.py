"""Imports where nobody puts them, and comments where nobody expects them: converted all the same, nothing lost."""

from __future__ import annotations

import pytest

from lk_migrate.plan import ConvertOptions, make_plan

USE = 'RoomInputOptions(close_on_disconnect=False)\nprint(AgentSession, "x")\n'


@pytest.mark.parametrize(
    ("before", "says"),
    [
        # on a continued line
        ("for _ in range(3):\\\n        from livekit.agents import RoomInputOptions, AgentSession\n", "AgentSession"),
        ("if True: from livekit.agents import RoomInputOptions, AgentSession\n", "AgentSession"),
        # a comment that belongs to no statement
        ("from livekit.agents import AgentSession, RoomInputOptions\\\n# above\n", "# above"),
        # the words that one import loses are left of another one
        (
            "from livekit.agents import AgentSession\ntry:\n"
            "    from livekit.agents import AgentSession, RoomInputOptions\nexcept ImportError:\n    pass\n",
            "room_io",
        ),
    ],
)
def test_odd_imports(before: str, says: str) -> None:
    plan = make_plan({"main.py": (before + USE).encode()}, ConvertOptions(no_main=True))
    assert not plan.skipped
    (change,) = plan.changes
    assert change.after is not None
    after = change.after.decode()
    assert says in after and "RoomInputOptions" not in after
    compile(after, "main.py", "exec")
