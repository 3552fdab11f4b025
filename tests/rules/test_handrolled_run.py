"""Converted assistants work on the installed LiveKit: they are made, their tools have schemas, and answer.

The three legacy apps and small classes go through the assistant rules alone; what comes out runs in a child process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lk_migrate.facts.project import Project
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import all_rules

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
RULES = [r for r in all_rules() if "LK110" <= r.id < "LK140"]

PROBE = """
import asyncio, json, sys, types, warnings
sys.path.insert(0, ".")
from livekit.agents import Agent
from livekit.agents.llm import ToolContext

def schemas(agent):
    assert isinstance(agent, Agent)
    context = ToolContext(agent.tools)
    context.parse_function_tools("openai", strict=True)
    return {s["function"]["name"]: s["function"] for s in context.parse_function_tools("openai", strict=False)}

ctx = types.SimpleNamespace(speech_id="1", session=None)

async def probe():
    out = {}
%s
    print("RESULT" + json.dumps(out, default=str))

asyncio.run(probe())
"""


def converted(files: dict[str, bytes]) -> dict[str, bytes]:
    project = Project(files)
    out = dict(files)
    for path in files:
        result = convert_file(path, project, RULES)
        assert result.skipped is None, result.skipped
        if result.change is not None and result.change.after is not None:
            out[path] = result.change.after
    return out


@cache
def converted_app(app: str) -> dict[str, bytes]:
    root = LEGACY / app
    return converted({p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.py"))})


def run(folder: Path, files: dict[str, bytes], probe: str, app: str = "") -> dict[str, Any]:
    for path in (p for p in (LEGACY / app).rglob("*.txt") if app):
        target = folder / path.relative_to(LEGACY / app)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    for name, data in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    body = "\n".join(f"    {line}" for line in probe.strip().splitlines())
    child = subprocess.run(
        [sys.executable, "-W", "error::SyntaxWarning", "-c", PROBE % body],
        cwd=folder,
        env={**os.environ, "OPENAI_API_KEY": "none", "SWITCHBOARD_DB": str(folder / "x.db")},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    line = next(line for line in child.stdout.splitlines() if line.startswith("RESULT"))
    result: dict[str, Any] = json.loads(line.removeprefix("RESULT"))
    return result


def one(text: str) -> dict[str, bytes]:
    return converted({"desk.py": text.encode()})


@pytest.mark.parametrize("app", ["clinic", "switchboard", "mixins"])
def test_a_second_run_changes_nothing(app: str) -> None:
    once = converted_app(app)
    assert converted(once) == once


def test_clinic(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        converted_app("clinic"),
        """
from services.assistant import Assistant
from services.rag_assistant import RAGAssistant
plain, rag = Assistant("Hello."), RAGAssistant("Hello.", "kb", "company")
out["tools"] = [len(schemas(plain)), len(schemas(rag))]
out["undescribed"] = [n for a in (plain, rag) for n, s in schemas(a).items() if not s["description"]]
out["instructions"] = rag.instructions
out["said"] = await rag.confirm_wants_to_book_yes(ctx)
out["properties"] = schemas(rag)["list_slots_on_day"]["parameters"]["properties"]
""",
        "clinic",
    )
    assert out["tools"] == [13, 20]
    assert out["undescribed"] == []
    assert out["instructions"].startswith("Hello.\n") and "knowledge base" in out["instructions"]
    assert out["said"].startswith("Good.")
    assert {name: p["type"] for name, p in out["properties"].items()} == {"day": "string", "max_options": "integer"}


def test_switchboard(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        converted_app("switchboard"),
        """
import main
from assistants import AfterHoursAssistant, SwitchboardAssistant
main.init_db("x.db")
day = SwitchboardAssistant("Hello.", main.Directory("x.db"), main.VoicemailStore("x.db"), main.OPENING_HOURS, "x.db")
night = AfterHoursAssistant(main.VoicemailStore("x.db"))
out["day"], out["night"] = schemas(day), schemas(night)
out["prompts"] = [day.instructions, night.instructions[:29]]
out["voicemail"] = await day.leave_voicemail("200", "Ring mig")
out["caller"] = await day.set_caller_details(name="Åke", company=None)
out["hold"] = [await day.hold(True), day.on_hold]
day.begin_turn("2")
out["dispatched"] = [await day.handle_tool_call(n, a) for n, a in
                     (("hold", {"on": False}), ("get_opening_hours", {"day": "sunday"}))]
out["ticket"] = await night.dispatch("ticket_status", '{"ticket_id": "T-1"}')
""",
        "switchboard",
    )
    day, night = out["day"], out["night"]
    assert set(day) == {
        "lookup_extension", "transfer_call", "transfer_to_department", "get_opening_hours", "leave_voicemail",
        "page_staff", "schedule_callback", "set_caller_details", "report_problem", "parking_status", "hold",
    }  # fmt: skip
    assert day["get_opening_hours"]["description"].strip() == "When the office is open on a day."
    assert day["transfer_to_department"]["parameters"]["properties"]["department"]["enum"] == [
        "sales", "support", "billing", "warehouse",
    ]  # fmt: skip
    assert day["leave_voicemail"]["parameters"]["required"] == ["mailbox", "message"]
    assert day["leave_voicemail"]["parameters"]["properties"]["mailbox"]["description"] == "The extension."
    assert len(night) == 5 and night["report_outage"]["parameters"]["required"] == ["site", "description"]
    assert out["prompts"] == ["Hello.", "You answer the phone of Brygg"]
    assert out["voicemail"].startswith("Saved as message 1")
    assert out["caller"] == "Noted: name"
    assert out["hold"] == ["The caller is on hold.", True]
    assert out["dispatched"] == ["The caller is back.", "On sunday we are closed."]
    assert out["ticket"] == "I cannot find that ticket."


def test_mixins(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        converted_app("mixins"),
        """
from agents import DESKS
from store import Deps
desks = {name: made(Deps()) for name, made in DESKS.items()}
out["tools"] = {name: sorted(schemas(desk)) for name, desk in desks.items()}
out["prompts"] = {name: desk.instructions for name, desk in desks.items()}
hotel = desks["hotel"]
out["walk"] = await hotel.call_tool("suggest_walk", ctx)
out["own"] = [hotel.own_session, len(hotel.own_id), hotel.own_stt()[0], hotel.id]
out["slow"] = [await desks["spa"].pool_temperature(ctx), await desks["housekeeping"].lost_property(ctx, "scarf")]
""",
        "mixins",
    )
    assert out["tools"]["hotel"] == [
        "minibar_total", "order_taxi", "read_notes", "set_notes", "set_room", "suggest_walk", "wake_up_call",
        "wakeup_call",
    ]  # fmt: skip
    assert out["tools"]["housekeeping"] == ["bring_towels", "clean_room", "lost_property", "status"]
    assert out["prompts"]["housekeeping"].startswith("You are housekeeping")
    assert out["walk"].startswith("Gamla stan")
    assert out["own"] == [None, 6, "Björken", "hotel_concierge"]
    assert out["slow"] == ["29 °C", "We have a scarf."]


def test_a_prompt_in_steps_and_mixins_with_constructors(tmp_path: Path) -> None:
    files = one("""
from livekit.agents import RunContext


class CounterMixin:
    def __init__(self):
        super().__init__()
        self.count = 0


class QuietMixin:
    def __init__(self):
        self.quiet = True


class First(CounterMixin):
    def __init__(self, prompt, vip=False):
        super().__init__()
        self.instructions = prompt
        if vip:
            self.instructions += " Be polite."

    def count_up(self, ctx: RunContext, step=1):
        self.count += step
        return str(self.count)


class Second(QuietMixin):
    instructions = "Second."

    def __init__(self, tools):
        super().__init__()
        self.tools = tools

    async def listed(self, ctx: RunContext, name) -> str:
        return name + str(self.tools)
""")
    out = run(
        tmp_path,
        files,
        """
from desk import First, Second
first, second = First("First.", vip=True), Second([1])
out["prompts"] = [first.instructions, second.instructions]
out["state"] = [first.count, second.quiet, second.own_tools]
out["answers"] = [await first.count_up(ctx), await second.listed(ctx, "x")]
out["types"] = [schemas(first)["count_up"]["parameters"]["properties"]["step"]["type"],
                schemas(second)["listed"]["parameters"]["properties"]["name"]["type"]]
""",
    )
    assert out["prompts"] == ["First. Be polite.", "Second."]
    assert out["state"] == [0, True, [1]]
    assert out["answers"] == ["1", "x[1]"]
    assert out["types"] == ["integer", "string"]


PARCELS = """
from livekit.agents import AgentSession

TOOLS = [{"type": "function", "function": {
    "name": "ship",
    "description": "Ship a parcel.",
    "parameters": {
        "type": "object",
        "properties": {
            "from": {"type": "string", "description": "Where it is"},
            "to": {"type": "string"},
            "fee-paid": {"type": "boolean"},
        },
        "required": ["from", "to"],
    },
}}, {"type": "function", "function": {
    "name": "hours", "description": "When it is open.", "parameters": {"type": "object", "properties": {}},
}}]


class ParcelDesk:
    def __init__(self):
        self.tools = TOOLS
        self.instructions = "You take parcels."

    async def handle_tool_call(self, name, args):
        if name == "ship":
            return f"{args['from']} to {args['to']}, {args.get('fee-paid', 'unknown')}"
        elif name == "hours":
            return "8 to 6"
        return "?"


async def entrypoint(ctx):
    await AgentSession().start(agent=ParcelDesk(), room=ctx.room)
"""


def test_properties_that_are_no_names_in_python(tmp_path: Path) -> None:
    """The model still says `from` and `fee-paid`, and so does who asks the dispatcher."""
    out = run(
        tmp_path,
        one(PARCELS),
        """
from desk import ParcelDesk
from livekit.agents.llm.utils import prepare_function_arguments
desk = ParcelDesk()
ship = next(tool for tool in desk.tools if tool.info.name == "ship")
out["parameters"] = schemas(desk)["ship"]["parameters"]
out["said"] = []
for given in ('{"from": "Oslo", "to": "Bergen", "fee-paid": true}', '{"from": "Oslo", "to": "Bergen"}'):
    args, kwargs = prepare_function_arguments(fnc=ship, json_arguments=given, call_ctx=ctx)
    out["said"].append(await ship(*args, **kwargs))
    out["said"].append(await desk.handle_tool_call("ship", json.loads(given)))
""",
    )
    assert out["parameters"]["required"] == ["from", "to"]
    assert {n: p.get("description") for n, p in out["parameters"]["properties"].items()} == {
        "from": "Where it is", "to": None, "fee-paid": None
    }  # fmt: skip
    assert out["said"] == ["Oslo to Bergen, True"] * 2 + ["Oslo to Bergen, unknown"] * 2


def test_every_fixture_of_these_rules_is_valid_after_all_of_them(tmp_path: Path) -> None:
    """The rules compose: each `before` fixture goes through all rules at once, twice, and compiles."""
    fixtures = Path(__file__).parents[2] / "fixtures" / "rules"
    seen = 0
    for folder in sorted(fixtures.glob("LK11*")) + sorted(fixtures.glob("LK12*")):
        for before in sorted(folder.glob("*.py")):
            if before.name.endswith(".after.py"):
                continue
            once = converted({"main.py": before.read_bytes()})
            compile(once["main.py"], str(before), "exec")
            assert converted(once) == once, before
            seen += 1
    assert seen > 30


@pytest.mark.parametrize(("newline", "indent"), [("\r\n", "    "), ("\n", "\t"), ("\r\n", "  ")])
def test_line_ends_and_indentation_stay(newline: str, indent: str) -> None:
    """Docstrings and methods that we write have the file's own line ends and white space."""
    path = LEGACY / "switchboard" / "assistants" / "after_hours.py"
    text = path.read_text("utf-8").replace("    ", indent).replace("\n", newline)
    files = {
        p.relative_to(LEGACY / "switchboard").as_posix(): p.read_bytes() for p in (LEGACY / "switchboard").rglob("*.py")
    }
    files["assistants/after_hours.py"] = ("\ufeff" + text).encode()
    after = converted(files)["assistants/after_hours.py"]
    assert after.startswith("\ufeff".encode())
    assert after.count(b"\n") == after.count(newline.encode()) > text.count(newline)
    compile(after, "after_hours.py", "exec")
    written = after.decode().splitlines()
    args = next(line for line in written if line.strip() == "Args:")
    assert args == indent * 2 + "Args:"
