"""What prepares the environment still runs before what reads it, whatever modules the parts go to."""

from __future__ import annotations

from pathlib import Path

import pytest
from entrypoint_support import HEAD, TAIL, drive, generate, write

from lk_migrate.plan import ConvertOptions, make_plan

SETUP = 'def set_up():\n    os.environ["SPOKEN_{0}"] = "sv"\n\n\nset_up()\n\n'
SPOKEN = '# ---------- telephone ----------\n\nSPOKEN = os.getenv("SPOKEN_{0}", "lost")\n\n\n'
HELPERS = "".join(f"def dial_{i}(value):\n    # by telephone\n    return (SPOKEN, value)\n\n\n" for i in range(90))
BODY = """async def entrypoint(ctx: JobContext):
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(dial_3(1)[0])
"""


@pytest.mark.parametrize("also", ["", "    set_up()\n"])
def test_a_topic_of_its_own_reads_after_the_effect(also: str, tmp_path: Path) -> None:
    name = "A" if also else "B"
    early = (SETUP + SPOKEN).replace("{0}", name) + HELPERS
    head = HEAD.replace("def parse", f"{early}def parse").replace("    return json", f"{also}    return json")
    after, _ = generate({"main.py": head + BODY + TAIL})
    assert "call_telephone.py" in after
    assert ("set_up()" in after["main.py"]) is not bool(also)  # what others call stays with them
    assert drive(write(tmp_path, after))["printed"] == ["sv"]


def test_dotenv_of_the_guard_is_loaded_first() -> None:
    guard = TAIL.replace("cli.run_app", "load_dotenv()\n    cli.run_app")
    head = HEAD.replace("import os\n", "import os\n\nfrom dotenv import load_dotenv\nfrom settings import KEY\n")
    files = {
        "main.py": head.replace("def parse", HELPERS.replace("SPOKEN", "KEY") + "def parse") + BODY + guard,
        "settings.py": 'import os\n\nKEY = os.environ["KEY"]\n',
        "desk.py": 'class Desk:\n    def __init__(self):\n        self.tools = {"ask": self.ask}\n\n'
        '    async def ask(self, what: str) -> str:\n        """Ask."""\n        return what\n',
    }
    plan = make_plan({p: t.encode() for p, t in files.items()}, ConvertOptions(main="main.py"))
    main = next(c.after for c in plan.changes if c.path == "main.py")
    assert main is not None and main.count(b"load_dotenv()") == 1
    assert main.index(b"load_dotenv()") < main.index(b"from call_")
