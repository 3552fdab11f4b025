"""What becomes of `stream.execute_functions()` runs on 1.8.9: the calls, their results, a cancelled one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lk_migrate.plan import ConvertOptions, make_plan

KIOSK = Path(__file__).parents[2] / "fixtures" / "rules" / "LK225" / "kiosk.before.py"
#: A model that calls what it is told to; its stream is what `collect` gives of one.
RUN = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from livekit.agents import llm
import kiosk

class Stream:
    def __init__(self, calls): self.calls = calls
    async def collect(self): return llm.CollectedResponse(tool_calls=self.calls)

class Model:
    def __init__(self, *calls): self.calls = [llm.FunctionToolCall(name=n, arguments=a, call_id=n) for n, a in calls]
    def chat(self, *, chat_ctx, tools):
        assert {c.name for c in self.calls} <= {t.info.name for t in tools}, tools
        return Stream(self.calls)

async def main():
    assert await kiosk.prices(Model(("price", '{"zone": 1}'), ("price", '{"zone": 2}'))) == ["2 euros", "4 euros"]
    await kiosk.refuse(Model(("refund", "{}")))
    await asyncio.wait_for(kiosk.impatient(Model(("print_ticket", '{"zone": 1}'))), 5)

asyncio.run(main())
"""


def test_the_tools_of_a_stream_run(tmp_path: Path) -> None:
    plan = make_plan({"kiosk.py": KIOSK.read_bytes()}, ConvertOptions())
    (change,) = plan.changes
    assert change.after is not None and not plan.todo, plan.todo
    (tmp_path / "kiosk.py").write_bytes(change.after)
    command = [sys.executable, "-c", RUN, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr + change.after.decode()
    assert done.stdout == "price 1\n{} not today\n1\n"
