"""What the new main looks like, where everything else went, and what happens to code that cannot be split."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import libcst as cst
import pytest
from entrypoint_support import ALWAYS, HEAD, TAIL, drive, generate, lint, split_result, write

from lk_migrate.entrypoint.gates import AgentForMain
from lk_migrate.entrypoint.generate import generate_entrypoint, needs_new_main
from lk_migrate.entrypoint.spine import CannotSplit, source_of
from lk_migrate.facts.comments import comments_of
from lk_migrate.facts.module import Module
from lk_migrate.facts.project import Project
from lk_migrate.model import Action

LEGACY = Path(__file__).parents[2] / "fixtures" / "legacy"
SIMPLE = """\
async def entrypoint(ctx: JobContext):
    meta = parse(ctx.job.metadata)
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
    print(meta)
"""


def app(name: str) -> dict[str, str]:
    return {
        p.relative_to(LEGACY / name).as_posix(): p.read_text(errors="replace")
        for p in sorted((LEGACY / name).rglob("*.py"))
    }


def names_of(text: str) -> set[str]:
    """Every function, class and module-level constant."""
    tree = cst.parse_module(text)
    found = set(re.findall(r"^\s*(?:async )?(?:def|class) (\w+)", text, re.M))
    for line in tree.body:
        if isinstance(line, cst.SimpleStatementLine):
            for small in line.body:
                if isinstance(small, cst.Assign) and isinstance(small.targets[0].target, cst.Name):
                    found.add(small.targets[0].target.value)
    return found


@pytest.mark.parametrize(
    ("name", "agents"),
    [
        ("clinic", (AgentForMain("Assistant", "", 1), AgentForMain("RAGAssistant", "", 5))),
        ("mixins", ()),
        ("switchboard", ()),
    ],
)
def test_fixture_apps(name: str, agents: tuple[AgentForMain, ...], tmp_path: Path) -> None:
    legacy = app(name)
    after, result = generate(legacy, agents=agents)
    assert result.main is not None and result.main.lines_after <= 230
    written = {c.path: after[c.path] for c in result.changes}
    lint(write(tmp_path, written))
    everything = "\n".join(written.values())
    # An own name for what the session is called on each path is all that may go.
    missing = names_of(legacy["main.py"]) - names_of(everything)
    assert not missing
    assert not {c for c in comments_of(cst.parse_module(legacy["main.py"])) if c not in everything}
    assert result.ledger
    again, second = generate(after, agents=agents)
    assert again == after and second.main is None


def test_all_submodules_of_a_package_are_imported() -> None:
    """`import urllib.request` and `import urllib.parse` bind one name; a module needs those that it spells."""
    legacy = (
        "import urllib.request\nimport urllib.parse\n"
        + HEAD.replace(
            "def prewarm",
            "def fetch(url):\n    return urllib.request.urlopen(url)\n\n\n"
            "def quoted(text):\n    return urllib.parse.quote(text)\n\n\ndef prewarm",
            1,
        )
        + SIMPLE.replace("    print(meta)", "    print(fetch(quoted(meta)))")
        + TAIL
    )
    after = generate({"main.py": legacy})[0]
    fetching = next(text for text in after.values() if "urllib.request.urlopen" in text)
    assert "import urllib.request\n" in fetching and "import urllib.parse\n" in fetching


def test_clinic_main_reads_like_a_main() -> None:
    agents = (AgentForMain("Assistant", "", 1), AgentForMain("RAGAssistant", "", 5))
    main = generate(app("clinic"), agents=agents)[0]["main.py"]
    assert main.count("AgentSession(") == 1
    assert "MAX_TOOL_STEPS = {Assistant: 0, RAGAssistant: 4}" in main
    assert "max_tool_steps=MAX_TOOL_STEPS.get(type(call.agent), 3)" in main
    assert 'openai.STT(model="whisper-1", language=call.language)' in main
    assert main.count("parallel_tool_calls=False") == main.count("openai.LLM(") == 4
    assert main.index("load_dotenv()") < main.index("from call_support import")


def test_switchboard_greets_and_logs(tmp_path: Path) -> None:
    after, result = generate(app("switchboard"), agents=(AgentForMain("SwitchboardAssistant", "", 1),))
    main = after["main.py"]
    assert "llm=openai.LLM(model=LLM_MODEL, temperature=LLM_TEMPERATURE, parallel_tool_calls=False)" in main
    assert "stt=openai.STT(model=STT_MODEL, language=STT_LANGUAGE)" in main
    assert "tts=openai.TTS(model=TTS_MODEL, voice=TTS_VOICE, speed=TTS_SPEED)" in main
    assert "max_tool_steps=0" in main
    assert "tasks" not in main  # a list that only the old loop filled
    assert after["legacy_webrtc.py"].count("TODO(lk-migrate") == 1
    assert "legacy_webrtc" not in main
    assert "async def run_call(room_name: str) -> str:" in after["legacy_webrtc.py"]
    assert [f for f in result.findings if f.action is Action.TODO and f.rule == "LK156"]


def test_no_session_is_started_with_what_is_no_agent() -> None:
    files = app("switchboard")
    schemas = "assistants/after_hours_schemas.py"
    files[schemas] = files[schemas].replace('"function": {', '"function_": {')
    _, result = generate(files)
    (finding,) = result.findings
    assert "`AfterHoursAssistant`, which talks, is no `Agent`" in finding.message
    assert result.main is None and not result.changes


def test_a_main_that_would_not_compile_is_not_written() -> None:
    """What binds a variable for a function inside goes with the loop when it stands in a block of its own."""
    files = app("switchboard")
    head, end = files["main.py"].split("    try:\n        await done.wait()\n")
    block, rest = end.split("\n\n\n", 1)
    tail = textwrap.indent(f"    try:\n        await done.wait()\n{block}", "    ")
    files["main.py"] = f"{head}    if done:\n{tail}\n\n\n{rest}"
    _, result = generate(files)
    assert result.main is None and not result.changes
    assert "would not compile" in result.findings[0].message


def test_code_that_this_python_cannot_compile_is_left_to_libcst() -> None:
    own = Module.parse("main.py", b"def f():\n    pass\n")
    newer = Module.parse("main.py", b"return 1\n")
    with pytest.raises(CannotSplit, match="nonlocal"):
        source_of(own, "new.py", "def g():\n    nonlocal x\n", own.tree)
    source_of(newer, "new.py", "return 1\n", newer.tree)
    with pytest.raises(CannotSplit):
        source_of(newer, "new.py", "return (\n", newer.tree)


@pytest.mark.parametrize("name", ["clinic", "switchboard"])
@pytest.mark.parametrize(("first", "encoding"), [("# -*- coding: latin-1 -*-\n", "latin-1"), ("", "utf-8-sig")])
def test_the_new_main_has_the_encoding_of_the_old_one(name: str, first: str, encoding: str) -> None:
    files = {path: text.encode() for path, text in app(name).items()}
    head = first + "# caf\N{LATIN SMALL LETTER E WITH ACUTE}\n"
    main = (head + files["main.py"].decode()).encode(encoding, "replace")
    made = generate_entrypoint(Project(files | {"main.py": main}), "main.py", (), ALWAYS).changes
    texts = {c.path: (c.after or b"").decode(encoding if c.path == "main.py" else "utf-8") for c in made}
    assert texts["main.py"].startswith(head) and "run_app" in texts["main.py"]
    unmarked = main.decode(encoding).replace(first, "").encode()
    plain = generate_entrypoint(Project(files | {"main.py": unmarked}), "main.py", (), ALWAYS).changes
    assert {path: text.removeprefix(first) for path, text in texts.items()} == {
        c.path: (c.after or b"").decode() for c in plain
    }


def test_a_character_that_the_old_encoding_has_not_is_no_new_main() -> None:
    own = Module.parse("main.py", b"# -*- coding: latin-1 -*-\npass\n")
    with pytest.raises(CannotSplit, match=r"iso-?8859-1 has not"):
        source_of(own, "main.py", "# \N{HORIZONTAL ELLIPSIS}\n", own.tree)
    assert source_of(own, "new.py", "# \N{HORIZONTAL ELLIPSIS}\n", own.tree).decode() == "# \N{HORIZONTAL ELLIPSIS}\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (
            "for i in range(2):\n        session = AgentSession()\n        await session.start(agent=a, room=ctx.room)",
            "loop",
        ),
        (
            "async def go():\n        await s.start(agent=a, room=ctx.room)\n    s = AgentSession()\n    await go()",
            "inside",
        ),
        (
            "session = AgentSession()\n    other = AgentSession()\n    await session.start(agent=a, room=ctx.room)",
            "more than one",
        ),
        ("session = AgentSession(**locals())\n    await session.start(agent=a, room=ctx.room)", "locals()"),
        (
            "if (n := ctx.proc.userdata.get('n')):\n        print(n)\n    session = AgentSession()\n"
            "    await session.start(agent=a, room=ctx.room)\n    print(n)",
            ":=",
        ),
    ],
)
def test_what_cannot_be_split_moves_whole(body: str, why: str, tmp_path: Path) -> None:
    legacy = f"{HEAD}async def entrypoint(ctx: JobContext):\n    a = Agent(instructions='x')\n    {body}\n{TAIL}"
    after, result = generate({"main.py": legacy})
    assert not split_result(result)
    [todo] = [f for f in result.findings if f.action is Action.TODO]
    assert why in todo.message and todo.rule == "LK151"
    assert "await run_call(ctx)" in after["main.py"]
    lint(write(tmp_path / "after", after))
    write(tmp_path / "before", {"main.py": legacy})
    assert drive(tmp_path / "after") == drive(tmp_path / "before")


def test_gates_keep_their_limit_when_the_entrypoint_moves_whole(tmp_path: Path) -> None:
    """One limit is an argument; where the agents' limits differ and the agent is not known, a marker says them."""
    desks = "class Desk(Agent):\n    pass\n\n\nclass Night(Agent):\n    pass\n\n\n"
    head = HEAD.replace("def parse", desks + "def parse")
    body = (
        "async def entrypoint(ctx: JobContext):\n    for i in range(1):\n        session = AgentSession()\n"
        "        agent = Desk(instructions='x')\n        await session.start(agent=agent, room=ctx.room)\n"
        "    print(session.options.max_tool_steps)\n"
    )
    agents = (AgentForMain("Desk", "main.py", 2), AgentForMain("Night", "main.py", 5))
    after, result = generate({"main.py": head + body + TAIL}, agents=agents)
    assert any(f.rule == "LK152" and f.action is Action.REWRITTEN for f in result.findings)
    lint(write(tmp_path / "known", after))
    assert drive(tmp_path / "known")["printed"] == ["1"]
    unknown = (head + body + TAIL).replace("Desk(instructions", "[Desk, Night][i](instructions")
    after, result = generate({"main.py": unknown}, agents=agents)
    [todo] = [f for f in result.findings if f.rule == "LK152" and f.action is Action.TODO]
    assert "Desk: 1, Night: 4" in todo.message
    assert "TODO(lk-migrate LK152)" in after["call_flow.py"]
    assert drive(write(tmp_path / "unknown", after))["printed"] == ["3"]
    more = (head + body + TAIL).replace("AgentSession()", "AgentSession(max_tool_steps=7)")
    after, _ = generate({"main.py": more}, agents=agents)
    assert drive(write(tmp_path / "more", after))["printed"] == ["1"]
    beside = more.replace("AgentSession(max", "AgentSession(**{}, max")
    after, _ = generate({"main.py": beside}, agents=agents)
    assert drive(write(tmp_path / "beside", after))["printed"] == ["1"]


def test_a_session_that_allowed_more_than_its_gate_gets_the_gates_limit() -> None:
    body = (
        "async def entrypoint(ctx: JobContext):\n    agent = Desk(instructions='x')\n"
        "    session = AgentSession(max_tool_steps=7)\n    await session.start(agent=agent, room=ctx.room)\n"
    )
    head = HEAD.replace("def parse", "class Desk(Agent):\n    pass\n\n\ndef parse")
    main = generate({"main.py": head + body + TAIL}, agents=(AgentForMain("Desk", "main.py", 2),))[0]["main.py"]
    assert "max_tool_steps=1" in main and main.count("max_tool_steps") == 1


def test_console_does_not_wait_for_anybody(tmp_path: Path) -> None:
    body = """\
async def entrypoint(ctx: JobContext):
    participant = await ctx.wait_for_participant(identity="anna")
    session = AgentSession(llm="openai/gpt-4o-mini")
    await session.start(agent=Agent(instructions=participant.identity), room=ctx.room)
    print(participant.metadata == "", dict(participant.attributes), participant.kind)
"""
    after, _ = generate({"main.py": HEAD + body + TAIL})
    folder = write(tmp_path, after)
    found = drive(folder, console=True)
    assert ["start", "Agent: anna", {}] in found["trace"]
    assert found["printed"] == ["True {} 0"]
    assert ["wait", {"identity": "anna"}] in drive(folder)["trace"]


def test_a_class_that_holds_the_call_does_not_wait_in_console_mode(tmp_path: Path) -> None:
    handler = """class CallHandler:
    def __init__(self, ctx: JobContext, line):
        self.ctx, self.line = ctx, line
        self.job: JobContext = ctx

    async def handle(self):
        participant = await self.job.wait_for_participant()
        await self.line.wait_for_participant()
        session = AgentSession(llm="openai/gpt-4o-mini")
        await session.start(agent=Agent(instructions=participant.identity), room=self.ctx.room)


"""
    body = "async def entrypoint(ctx: JobContext):\n    await CallHandler(ctx, None).handle()\n"
    after, _ = generate({"main.py": HEAD.replace("def prewarm", f"{handler}def prewarm") + body + TAIL})
    lint(write(tmp_path, after))
    assert "participant = await wait_for_caller(self.job)" in after["call_support.py"]
    assert "await self.line.wait_for_participant()" in after["call_support.py"]


def test_worker_options_become_a_server(tmp_path: Path) -> None:
    legacy = (
        "from livekit.agents import Agent, AgentSession, JobContext, JobProcess, WorkerOptions, cli\n\n\n"
        "def prewarm(proc: JobProcess):\n    proc.userdata['vad'] = 1\n\n\n"
        "async def entrypoint(ctx: JobContext):\n    session = AgentSession()\n"
        "    await session.start(agent=Agent(instructions='x'), room=ctx.room)\n    print('on')\n\n\n"
        'if __name__ == "__main__":\n'
        "    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint, prewarm_fnc=prewarm, agent_name='desk', port=1))\n"
    )
    after, _ = generate({"main.py": legacy})
    assert "server = AgentServer(setup_fnc=prewarm, port=1)" in after["main.py"]
    assert "@server.rtc_session(agent_name='desk')" in after["main.py"]
    assert "cli.run_app(server)" in after["main.py"] and "WorkerOptions" not in after["main.py"]
    lint(write(tmp_path, after))
    assert drive(tmp_path)["printed"] == ["on"]


def test_names_that_are_taken(tmp_path: Path) -> None:
    files = {"main.py": HEAD + SIMPLE + TAIL, "call_support.py": "X = 1\n", "call_flow.py": "Y = 1\n"}
    after, result = generate(files)
    assert result.main is not None
    assert result.main.support == ("call_flow_2.py", "call_support_2.py")
    assert after["call_support.py"] == "X = 1\n"
    assert drive(write(tmp_path, after))["printed"] == ["{}"]


def test_what_others_import_stays_importable(tmp_path: Path) -> None:
    files = {
        "main.py": HEAD + SIMPLE + TAIL,
        "other.py": "from main import LANGUAGE, parse\n\nprint(LANGUAGE, parse)\n",
    }
    after, _ = generate(files)
    assert re.search(r"from call_support import LANGUAGE.*noqa: F401", after["main.py"])
    lint(write(tmp_path, after))


def test_constants_are_read_after_load_dotenv(tmp_path: Path) -> None:
    head = (
        "import os\n\nfrom livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli\n\n"
        'os.environ["SPOKEN"] = "sv"\n\nSPOKEN = os.getenv("SPOKEN")\n\n\ndef spoken():\n    return SPOKEN\n\n\n'
        "server = AgentServer()\n\n\n@server.rtc_session()\n"
    )
    body = "async def entrypoint(ctx: JobContext):\n    session = AgentSession()\n"
    body += "    await session.start(agent=Agent(instructions='x'), room=ctx.room)\n    print(spoken())\n"
    after, _ = generate({"main.py": head + body + TAIL})
    assert drive(write(tmp_path, after))["printed"] == ["sv"]


def test_line_ends_and_short_mains() -> None:
    text = (HEAD + SIMPLE + TAIL).replace("\n", "\r\n").encode()
    result = generate_entrypoint(Project({"main.py": text}), "main.py", (), ALWAYS)
    assert result.changes
    for change in result.changes:
        assert change.after is not None
        assert change.after.count(b"\n") == change.after.count(b"\r\n")
    assert not needs_new_main(Project({"main.py": text}), "main.py")
    assert not generate_entrypoint(Project({"main.py": text}), "main.py").changes


def test_what_the_server_needs_of_the_guard_comes_before_it(tmp_path: Path) -> None:
    guard = """\

if __name__ == "__main__":
    # who answers
    name = os.getenv("DESK", "desk")
    print("starting", name)
    server = AgentServer(setup_fnc=prewarm)
    server.rtc_session(entrypoint, agent_name=name)
    cli.run_app(server)
"""
    head = HEAD.replace('server = AgentServer(setup_fnc=prewarm)\n\n\n@server.rtc_session(agent_name="desk")\n', "")
    after, _ = generate({"main.py": head + SIMPLE + guard})
    lint(write(tmp_path, after))
    main = after["main.py"]
    assert main.index('# who answers\nname = os.getenv("DESK", "desk")') < main.index(
        "@server.rtc_session(agent_name=name)"
    )
    assert main.count("os.getenv") == 1 and "\n    server" not in main
    prepared = guard.replace("    # who answers\n", "    load_dotenv()\n")
    after, _ = generate({"main.py": "from dotenv import load_dotenv\n" + head + SIMPLE + prepared})
    assert "    server.rtc_session(entrypoint, agent_name=name)\n" in after["main.py"]


def test_imports_keep_their_comments_and_what_they_do(tmp_path: Path) -> None:
    imports = """\
import os
# where calls are kept
from storage import save
# registers the codecs
import codecs_of_ours  # noqa: F401

import base64
"""
    source = imports + HEAD + SIMPLE.replace("    print(meta)", "    save(meta)  # done") + TAIL
    files = {"main.py": source, "storage.py": "def save(x): ...\n", "codecs_of_ours.py": "print('registered')\n"}
    after, _ = generate(files)
    lint(write(tmp_path, after))
    assert "# registers the codecs\nimport codecs_of_ours  # noqa: F401\n" in after["main.py"]
    assert "# where calls are kept\nfrom storage import save\n" in after["call_flow.py"]
    assert "where calls" not in after["main.py"] and "base64" not in "".join(after.values())


def test_a_plugin_that_only_registers_itself_stays(tmp_path: Path) -> None:
    imports = "from livekit.plugins import openai, silero  # noqa: F401 - all of them register themselves\n"
    source = imports + HEAD + SIMPLE.replace("    print(meta)", "    print(meta, openai.LLM())") + TAIL
    after, _ = generate({"main.py": source})
    lint(write(tmp_path, after))
    remark = "  # noqa: F401 - all of them register themselves\n"
    assert f"from livekit.plugins import silero{remark}" in after["main.py"]
    assert f"from livekit.plugins import openai{remark}" in after["call_flow.py"]


def test_a_comment_stays_with_its_argument(tmp_path: Path) -> None:
    session = """session = AgentSession(
        llm="openai/gpt-4o-mini",  # cheap
        tts=voice(
            "x",  # calm
        ),
    )"""
    source = HEAD + SIMPLE.replace('session = AgentSession(llm="openai/gpt-4o-mini")', session) + TAIL
    source = source.replace("def prewarm", "def voice(name):\n    return None\n\n\ndef prewarm")
    main = generate({"main.py": source})[0]["main.py"]
    assert '        llm="openai/gpt-4o-mini",  # cheap\n' in main
    assert main.count("# cheap") == main.count("# calm") == 1


def helper(name: str, uses: str = "None", lines: int = 30) -> str:
    steps = "".join(f"    step_{i} = {i}\n" for i in range(lines))
    said = ", ".join(f"step_{i}" for i in range(lines))
    return f"\n\ndef {name}(data=None):\n{steps}    print({said})\n    return {uses}\n"


def heading(text: str) -> str:
    rule = f"# {'-' * 20}"
    return f"\n\n{rule}\n# {text}\n{rule}\n"


def test_a_large_support_module_is_parted_by_what_belongs_together(tmp_path: Path) -> None:
    counting = helper("count_up", "shorten()").replace("    step_0 =", "    global calls\n    calls += 1\n    step_0 =")
    parts = [
        "calls = 0\n",
        helper("shorten", lines=220),
        heading("Phone numbers (E.164)"),
        'CODE = "44"\n',
        helper("dialled", "CODE"),
        helper("masked", "dialled()"),
        heading("Counting"),
        counting,
        heading("Utilities"),
        helper("send_crm", "masked()"),
        helper("fetch_crm", "shorten()"),
        helper("lonely"),
    ]
    body = SIMPLE.replace("    print(meta)", "    print(send_crm(fetch_crm(meta)), count_up(), calls, lonely())")
    after, result = generate({"main.py": HEAD.replace("def parse", "".join(parts) + "\n\ndef parse") + body + TAIL})
    lint(write(tmp_path, after))
    assert result.main is not None
    assert result.main.support == ("call_crm.py", "call_flow.py", "call_phone_numbers.py", "call_support.py")
    assert 'CODE = "44"' in after["call_phone_numbers.py"]
    assert "from call_phone_numbers import masked" in after["call_crm.py"]
    assert {"shorten", "count_up", "lonely"} < names_of(after["call_support.py"])
    assert "call_crm" not in after["call_support.py"] and "call_support.calls" in after["call_flow.py"]
    again, second = generate(after)
    assert again == after and second.main is None


def test_a_long_choice_of_models_stands_beside_main(tmp_path: Path) -> None:
    choice = "".join(f'    if meta == {i}:\n        llm = "openai/gpt-{i}"\n' for i in range(120))
    session = '    session = AgentSession(llm="openai/gpt-4o-mini")'
    body = SIMPLE.replace(
        session, f'    llm = "x"\n{choice}{session.replace(chr(34) + "openai/gpt-4o-mini" + chr(34), "llm")}'
    )
    after, _ = generate({"main.py": HEAD + body + TAIL})
    lint(write(tmp_path, after))
    assert "def choose_models(call: CallState)" in after["call_models.py"]
    assert "from call_models import choose_models" in after["main.py"]
    assert len(after["main.py"].splitlines()) < 60


@pytest.mark.parametrize("comment", ["# it goes on\n    # by itself", "#"])
def test_comments_below_the_last_statement_stay_there(comment: str, tmp_path: Path) -> None:
    greeting = '    session.say("hello")\n'
    legacy = f"{HEAD}{SIMPLE.rstrip()}\n\n{greeting}\n    {comment}\n{TAIL}"
    after, result = generate({"main.py": legacy})
    assert split_result(result)
    entrypoint = after["main.py"].partition("async def entrypoint")[2].partition("if __name__")[0]
    assert entrypoint.rstrip().endswith(f"    {comment}")
    lint(write(tmp_path / "after", after))
    write(tmp_path / "before", {"main.py": legacy})
    assert drive(tmp_path / "after") == drive(tmp_path / "before")


def test_comments_at_the_end_of_a_try_around_the_call_stay_in_it(tmp_path: Path) -> None:
    body = textwrap.indent(
        'session = AgentSession(llm="openai/gpt-4o-mini")\n'
        'await session.start(agent=Agent(instructions="x"), room=ctx.room)\n'
        'print("on the line")\n'
        "# the session goes on by itself\n",
        "        ",
    )
    legacy = (
        f"{HEAD}async def entrypoint(ctx: JobContext):\n    try:\n{body}    finally:\n        print('over')\n{TAIL}"
    )
    after, result = generate({"main.py": legacy})
    assert split_result(result)
    assert "        # the session goes on by itself\n    finally:\n" in after["main.py"]
    lint(write(tmp_path, after))


def test_an_entrypoint_that_hands_over_stays_in_main(tmp_path: Path) -> None:
    handler = """class CallHandler:
    async def handle(self, ctx):
        session = AgentSession(llm=parse("{}").get("llm"))
        await session.start(agent=Agent(instructions="x"), room=ctx.room)


"""
    steps = '    """One call."""\n    # all of it\n    await CallHandler().handle(ctx)\n'
    body = f"async def entrypoint(ctx: JobContext):\n{steps}"
    after, result = generate({"main.py": HEAD.replace("def prewarm", f"{handler}def prewarm") + body + TAIL})
    lint(write(tmp_path, after))
    assert split_result(result) and sorted(after) == ["call_support.py", "main.py"]
    assert steps in after["main.py"]


@pytest.mark.parametrize(
    ("made", "limit"),
    [
        ("Session = functools.partial(AgentSession, max_tool_steps=9)", "1"),
        ("Session = functools.partial(AgentSession, max_tool_steps=0)", "0"),
        ('OPTIONS = {"max_tool_steps": 9}', "1"),
    ],
)
def test_a_limit_that_comes_from_elsewhere_is_lowered_to_the_gates(made: str, limit: str, tmp_path: Path) -> None:
    call = "Session()" if "Session" in made.partition("=")[0] else "AgentSession(**OPTIONS)"
    body = (
        "async def entrypoint(ctx: JobContext):\n    agent = Desk(instructions='x')\n"
        f"    session = {call}\n    await session.start(agent=agent, room=ctx.room)\n"
        "    print(session.options.max_tool_steps)\n"
    )
    head = HEAD.replace("def parse", f"{made}\n\n\nclass Desk(Agent):\n    pass\n\n\ndef parse")
    head = head.replace("import json\n", "import functools\nimport json\n")
    after, _ = generate({"main.py": head + body + TAIL}, agents=(AgentForMain("Desk", "main.py", 2),))
    assert drive(write(tmp_path / "after", after))["printed"] == [limit]
