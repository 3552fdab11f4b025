"""Assistant classes are found by what they do, with their tools, prompts and families; other classes are left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from lk_migrate.facts.agent_class import AgentClass, Role
from lk_migrate.facts.agents import find_agents
from lk_migrate.facts.instructions import Source
from lk_migrate.facts.project import Project
from lk_migrate.facts.tools import Declared

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"


def project(text: str, **others: str) -> Project:
    files = {"main.py": text, **{f"{name}.py": code for name, code in others.items()}}
    return Project({path: code.encode() for path, code in files.items()})


def legacy(app: str) -> dict[str, AgentClass]:
    root = LEGACY / app
    found = Project({p.relative_to(root).as_posix(): p.read_bytes() for p in sorted(root.rglob("*.py"))})
    return {a.name: a for a in found.fact(find_agents)}


def names(text: str, **others: str) -> list[str]:
    return [a.name for a in find_agents(project(text, **others))]


PLAIN = """
from livekit.agents import RunContext

class {name}:
    def __init__(self, {prompt}):
        self.{prompt} = {prompt}

    async def order(self, ctx: RunContext, item: str) -> str:
        return item
"""


def test_a_service_is_no_assistant() -> None:
    assert names("class Calendar:\n    async def free(self, ctx, day):\n        return day\n") == []


@pytest.mark.parametrize("base", ["BaseModel", "TestCase", "BaseTool", "Protocol", "llm.FunctionContext", "Enum"])
def test_other_kinds_of_classes_are_left_alone(base: str) -> None:
    code = PLAIN.format(name="Assistant", prompt="instructions").replace("Assistant:", f"Assistant({base}):")
    assert names(code) == []


def test_without_a_prompt_it_is_a_toolbox() -> None:
    assert names(PLAIN.format(name="ToolBox", prompt="database")) == []


def test_tests_are_left_alone() -> None:
    code = PLAIN.format(name="Assistant", prompt="instructions")
    assert names("", tests=code) == ["Assistant"]
    found = Project({"tests/test_x.py": code.encode(), "conftest.py": code.encode()})
    assert find_agents(found) == ()


def test_json_schemas_alone_are_any_chat_program() -> None:
    code = """
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]

class ChatBot:
    def __init__(self, instructions):
        self.instructions = instructions
        self.tools = TOOLS

    def add(self):
        return 1
"""
    assert names(code) == []
    assert names(code, voice="from livekit import rtc\nfrom main import ChatBot\nbot = ChatBot('x')\n") == ["ChatBot"]


def test_a_plain_class_with_a_prompt_and_context_methods_is_one() -> None:
    (agent,) = find_agents(project(PLAIN.format(name="Receptionist", prompt="instructions")))
    assert (agent.role, agent.is_agent, agent.takes_base) == (Role.AGENT, False, True)
    assert [t.name for t in agent.tools] == ["order"]
    assert [p.name.value for p in agent.tools[0].parameters] == ["item"]
    assert agent.evidence


def test_a_vendored_folder_called_livekit_is_not_the_framework() -> None:
    code = "from livekit.agents import Agent\n\nclass Host(Agent):\n    def __init__(self):\n        self.x = 1\n"
    assert names(code) == ["Host"]
    own = Project({"main.py": code.encode(), "livekit/agents/__init__.py": b"class Agent:\n    pass\n"})
    assert find_agents(own) == ()
    package = {"voice/__init__.py": b"", "voice/livekit/__init__.py": b"from livekit import rtc\n"}
    for path in ("voice/worker.py", "voice/livekit/adapter.py"):
        (host,) = find_agents(Project({path: code.encode(), **package}))
        assert host.is_agent, "a package that only bears the name has no `agents`"


def test_the_framework_reached_through_aliases_shims_and_reexports() -> None:
    shim = "try:\n    from livekit.agents import Agent\nexcept ImportError:\n    Agent = object\n"
    assert find_agents(project(shim + "\nclass Host(Agent):\n    pass\n"))[0].is_agent
    alias = "from livekit import agents as lk\nBase = lk.Agent\n\nclass Host(Base):\n    pass\n"
    assert find_agents(project(alias))[0].is_agent
    found = find_agents(
        project("from lk import Agent\n\nclass Host(Agent):\n    pass\n", lk="from livekit.agents import Agent\n")
    )
    assert found[0].is_agent


def test_the_highest_own_class_takes_the_base_and_mixins_do_not() -> None:
    desks = legacy("mixins")
    assert [n for n, a in desks.items() if a.takes_base] == ["BaseDesk"]
    assert desks["HotelConcierge"].chain[0].name == "BaseDesk"
    assert [m.name for m in desks["HotelConcierge"].mixins] == ["ThrottleMixin"]
    assert desks["ThrottleMixin"].role is Role.MIXIN
    assert desks["DispatchingDesk"].role is Role.BASE
    assert desks["SpaDesk"].is_agent and not desks["SpaDesk"].takes_base


def test_a_base_that_others_use_too_is_not_made_an_agent() -> None:
    code = PLAIN.format(name="Assistant", prompt="instructions").replace("Assistant:", "Assistant(Service):")
    shared = "class Service:\n    prompt = ''\n\nclass Mailer(Service):\n    pass\n\n"
    agents = {a.name: a for a in find_agents(project(shared + code))}
    assert agents["Assistant"].takes_base
    assert agents["Service"].role is Role.MIXIN


def test_collisions_with_the_framework() -> None:
    desk = legacy("mixins")["BaseDesk"]
    assert {c.name for c in desk.collisions} == {
        "chat_ctx", "id", "instructions", "llm", "_llm", "session", "stt", "tools",
    }  # fmt: skip
    assert legacy("clinic")["Assistant"].collisions == ()


def test_tools_of_the_clinic() -> None:
    agents = legacy("clinic")
    assert len(agents["Assistant"].tools) == 13
    assert {t.declared for t in agents["Assistant"].tools} == {Declared.FUNCTION_TOOL}
    assert len(agents["RAGAssistant"].tools) == 20
    assert {t.declared for t in agents["RAGAssistant"].tools} == {Declared.CONTEXT}
    assert "_turn_gate" not in {t.name for t in agents["RAGAssistant"].tools}


def test_names_that_the_model_knows() -> None:
    hotel = legacy("mixins")["HotelConcierge"]
    assert {t.name: t.node.name.value for t in hotel.tools if t.name != t.node.name.value} == {
        "order_taxi": "call_cab",
        "suggest_walk": "_walk",
    }
    assert {t.aliases for t in hotel.tools if t.name == "wake_up_call"} == {("wakeup_call",)}
    day = legacy("switchboard")["SwitchboardAssistant"]
    assert {t.name: t.node.name.value for t in day.tools}["get_opening_hours"] == "opening_hours"
    assert [t.name for t in day.inline_tools] == ["hold"]
    assert "send_fax" not in {t.name for t in day.tools}, "nothing answers to it any more"


def test_schemas_are_read_through_constants_of_other_files() -> None:
    day = legacy("switchboard")["SwitchboardAssistant"]
    hours = next(t for t in day.tools if t.name == "get_opening_hours")
    assert hours.schema is not None
    (parameter,) = hours.schema.parameters
    assert parameter.type.source.startswith('Literal["today", "tomorrow", "monday"') and not parameter.required


@pytest.mark.parametrize(
    ("body", "source", "early"),
    [
        ("def __init__(self, instructions):\n        self.instructions = instructions", Source.ATTRIBUTE, True),
        ("def __init__(self, x):\n        self.x = x\n        self.instructions = self.x", Source.ATTRIBUTE, False),
        ("def __init__(self, x):\n        y = x\n        self.instructions = y", Source.ATTRIBUTE, False),
        ("def __init__(self, x):\n        if x:\n            self.instructions = x", Source.ASSIGNMENTS, False),
        ("def __init__(self, system_prompt):\n        pass", Source.PARAMETER, True),
        ("instructions = 'x'", Source.CLASS_ATTRIBUTE, True),
        ("def get_prompt(self):\n        return 'x'", Source.METHOD, False),
        ("def first(self):\n        return PROMPT", Source.CONSTANT, True),
    ],
)
def test_where_the_prompt_comes_from(body: str, source: Source, early: bool) -> None:
    code = f"""
from livekit.agents import Agent, function_tool

PROMPT = "You are kind."
LIMIT = 3

class Assistant(Agent):
    {body}
"""
    (agent,) = find_agents(project(code))
    assert (agent.instructions.source, agent.instructions.early) == (source, early)
