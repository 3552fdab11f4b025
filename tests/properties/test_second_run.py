"""What a second run must not find: code in which the first run leaves less to see than it saw itself."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from laws import check_laws, checked

from lk_migrate.plan import ConvertOptions, make_plan

#: `RunContext` comes into the file by a rule about another class.
_CONTEXT_FOR_OTHERS = """\
from livekit.agents import llm
from livekit.agents.pipeline import AgentCallContext


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="ring")
    async def ring(self):
        return str(AgentCallContext.get_current().agent)


class Desk:
    def __init__(self, instructions):
        self.instructions = instructions

    async def note(self, ctx, text):
        return text


def main():
    return Desk("You are the desk.")


from elsewhere import Desk
"""
#: A parameter is no session of another function, whatever that one calls it.
_ITS_OWN_SESSION = """\
from livekit.agents import Agent, AgentSession, multimodal
from livekit.plugins import openai


def listen(session: AgentSession):
    @session.on("metrics_collected")
    def measured(ev):
        print(ev.metrics.timestamp)


async def entrypoint(ctx):
    agent = multimodal.MultimodalAgent(model=openai.realtime.RealtimeModel(voice="alloy"))
    agent.start(ctx.room)


async def other(ctx):
    session = AgentSession()
    await session.start(agent=Agent(instructions="x"), room=ctx.room)
"""
#: The raw session becomes the AgentSession, which has less.
_RAW_SESSION = """\
from livekit.agents.multimodal import MultimodalAgent
from livekit.plugins import openai


async def entrypoint(ctx):
    model = openai.realtime.RealtimeModel(instructions="You are the porter.")
    assistant = MultimodalAgent(model=model)
    assistant.start(ctx.room)
    session = model.sessions[0]
    session.response.cancel()
    session.conversation.item.truncate(item_id="x")
    session.on("response_done", print)
"""

#: A registry stays as the class's own; under an `if`, no second tool is written.
_TWO_NAMES = """\
from livekit.agents import RunContext

if ready:

    class Desk:
        instructions = "You are the desk."

        def __init__(self):
            self.tools = {"order_taxi": self.call_cab, "call a cab": self.call_cab, "cab": self.call_cab}

        async def call_cab(self, ctx: RunContext, where: str):
            return where


def make():
    return Desk()
"""
#: A tool of a class that was cut out of it.
_CUT_OUT = """\
from livekit.agents import llm


@llm.ai_callable(description="how warm it is")
async def temperature(self, zone: str):
    return zone
"""
#: The marker about the messages goes where these go.
_MARKED_ARGUMENT = """\
from livekit.agents.llm import ChatContext
from livekit.agents.pipeline import VoicePipelineAgent
from livekit.plugins import openai, silero


def make():
    return_to = VoicePipelineAgent(
        vad=silero.VAD.load(),
        llm=openai.LLM(),
        chat_ctx=ChatContext().append(role="system", words="Be brief."),
    )
    return return_to
"""
#: A gate's limit, and 0.x's own.
_TWO_LIMITS = """\
from livekit.agents import Agent, RunContext, function_tool
from livekit.agents.pipeline import VoicePipelineAgent
from livekit.plugins import openai


class Desk(Agent):
    _last = None

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id == self._last:
            return "wait"
        self._last = ctx.speech_handle.id
        return None

    @function_tool
    async def look_up(self, ctx: RunContext) -> str:
        if gate := self._turn_gate(ctx):
            return gate
        return "a"


async def entrypoint(ctx):
    agent = VoicePipelineAgent(llm=openai.LLM(), max_nested_fnc_calls=3)
    agent.start(ctx.room)
"""

#: The instance is called as the context would be.
_INSTANCE_CALLED_CTX = """\
from livekit.agents import llm
from livekit.agents.pipeline import AgentCallContext


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="book")
    async def book(ctx, room: int):
        ctx = AgentCallContext.get_current()
        return str(ctx.agent)
"""
#: Of two methods of one name the last one is the tool, and the one to write a second tool after.
_TWO_METHODS = """\
from livekit.agents import RunContext


class Desk:
    instructions = "You are the desk."

    def __init__(self):
        self.tools = {"call_cab": self.call_cab, "cab": self.call_cab}

    async def call_cab(self, ctx, room: str):
        return room

    async def call_cab(self, ctx, where: str):
        return where


async def entrypoint(ctx: RunContext):
    return Desk()
"""
#: One import grows to what it was not, another shrinks to what the first one was.
_IMPORTS_SWAPPED = """\
from livekit.agents import AgentSession  # the session
from livekit.agents import AgentSession, llm
from livekit.plugins import openai


async def entrypoint(ctx):
    session = AgentSession(llm=openai.realtime.RealtimeModel(voice="marin"), min_endpointing_delay=0.3)
    session.conversation.item.create(llm.ChatMessage(role="system", content="Greet the guest."))
    await session.response.create()
"""
#: Which of the two is accepted is not sure, and a tool's context has no `connect`.
_TWO_ENTRYPOINTS = """\
from livekit.agents import JobContext, JobRequest, RunContext, WorkerOptions, cli


async def request_fnc(req: JobRequest):
    await req.accept(entrypoint)


async def entrypoint(ctx: RunContext):
    return ctx.userdata


async def entrypoint(ctx: JobContext):
    print(ctx.room.name)


cli.run_app(WorkerOptions(request_fnc=request_fnc))
"""
#: An annotation is looked up outside of the function, whose parameter it is.
_CALLED_LIKE_ITS_TYPE = """\
from livekit.agents.pipeline import VoicePipelineAgent


class Desk:
    def __init__(self, VoicePipelineAgent: VoicePipelineAgent):
        self.agent = VoicePipelineAgent
        VoicePipelineAgent.on("agent_stopped_speaking", print)


def build(agent: VoicePipelineAgent):
    return Desk(agent)
"""
#: The branch that makes a counter of the entrypoint is ours; and metrics do have a `speech_id`.
_MEASURED = """\
from livekit.agents import AgentSession
from livekit.plugins import openai

seen = {}


def outer():
    async def entrypoint(ctx):
        session = AgentSession(llm=openai.LLM())

        @session.on("metrics_collected")
        def on_metrics(ev):
            seen.setdefault(ev.metrics.speech_id, []).append(ev.metrics.type)

        await session.start(agent=ctx.agent, room=ctx.room)
"""
#: The first of two imports of one name is what the name stands for: a new base is not spelled by the second one.
_NAMES_OF_TWO = """\
from home.agents import Agent
from livekit.agents import Agent, RunContext


class Desk:
    def __init__(self, instructions):
        self.instructions = instructions

    async def note(self, ctx: RunContext, text: str):
        return text


def main():
    return Desk("You are the desk."), Agent
"""
#: The context gets its type in the first run, and says then whose tool it is.
_CONTEXT_UNTYPED = """\
from livekit.agents import RunContext, function_tool


class Refunds:
    instructions = "You refund tickets."

    @function_tool
    async def refund(self, ctx, number: int) -> str:
        return f"Refunded {number}."
"""
#: A tool of 0.x is a tool of today's in the first run: so are its parameters.
_UNTYPED_TOOL = """\
from livekit.agents import llm


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="book")
    async def book(self, room, nights=2):
        return room
"""
#: What no context ever had is told once.
_NO_SUCH_ATTRIBUTE = """\
from livekit.agents import llm
from livekit.agents.pipeline import AgentCallContext


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="book")
    async def book(self, room: int):
        call_ctx = AgentCallContext.get_current()
        print(call_ctx.booking, call_ctx.chat_ctx)
"""
#: Declared twice, it would be twice a tool.
_DECLARED_TWICE = """\
from livekit.agents import llm


class Housekeeping(llm.FunctionContext):
    @llm.ai_callable(description="how warm a floor is")
    @llm.ai_callable(description="how warm a floor is")
    def warmth(self, floor: str):
        return floor
"""
#: Else than on its first line, a clause is none of the statement's header.
_CLAUSE_BELOW_A_LINE = """\
if True: pass
else:
    from livekit.agents import AgentSession, KeytermsOptions


def build(terms: KeytermsOptions):
    return AgentSession(keyterms_options=terms)
"""
#: A word about the loop that goes.
_LOOP_WITH_A_COMMENT = """\
from livekit.agents import llm
from livekit.agents.llm import ChatContext
from livekit.plugins import openai

kiosk = llm.FunctionContext()


async def refuse():
    reply = openai.LLM().chat(chat_ctx=ChatContext(), fnc_ctx=kiosk)
    async for _ in reply:
        pass  # to its end
    done = reply.execute_functions()
    await asyncio.gather(*(f.task for f in done))
"""
#: A parameter of the schema that is called as the instance is.
_SELF_IN_A_SCHEMA = """\
from livekit.agents import AgentSession

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "look_up",
            "parameters": {"type": "object", "properties": {"self": {"type": "string"}}, "required": ["self"]},
        },
    },
]


class Desk:
    def __init__(self, instructions):
        self.instructions = instructions
        self.tools = TOOLS

    async def execute(self, name, args):
        return await getattr(self, name)(args)

    async def look_up(self, args):
        return f"Customer {args['self']}."


async def run(name, args):
    return await Desk("You are the desk.").execute(name, args)
"""
#: A bare context is one in the first run, too: what it has not is told, what is asked of its session is converted.
_BARE_CONTEXT = """\
from livekit.agents import Agent, function_tool


class Counted(Agent):
    async def look(self, ctx, what: str) -> str:
        return ctx.speech_id

    @function_tool
    async def hush(self, ctx) -> str:
        ctx.session.update_options(min_endpointing_delay=0.4)
        return "quiet"
"""
#: What goes on top in the end goes there at once.
_TRACED_TOOL = """\
from livekit.agents import llm
from tracing import traced


class Tools(llm.FunctionContext):
    @traced
    @llm.ai_callable(description="book")
    async def book(self, room: str):
        return room
"""
#: The raw session shares its line.
_RAW_SESSION_ON_A_LINE = """\
from livekit.agents import llm
from livekit.agents.multimodal import MultimodalAgent
from livekit.plugins import openai


async def entrypoint(ctx):
    model = openai.realtime.RealtimeModel(instructions="You are the porter.")
    assistant = MultimodalAgent(model=model)
    assistant.start(ctx.room)
    session = model.sessions[0]; session.conversation.item.create(llm.ChatMessage(role="assistant", content="Hello."))
    session.response.create()
"""
#: No keyword can be called like one of Python's own words.
_KEYWORD_IN_A_DICT = """\
from livekit.agents import AgentSession

TURNS = {"min_endpointing_delay": 0.6, "allow_interruptions": False, "False": 20.0}


def make(detector):
    return AgentSession(turn_detection=detector, **TURNS)
"""
#: A box that takes the place of a parameter, and a decorator of something that is no box.
_BOX_FOR_A_PARAMETER = """\
from livekit.agents import llm

night = llm.FunctionContext()


def too_late(model, weather):
    model = llm.FunctionContext()
    return weather, model


@day.ai_callable(description="when we open")
@night.ai_callable(description="when we open")
async def hours() -> str:
    return "9"
"""
#: A class of the same name is no use of what was imported.
_IMPORT_SHADOWED = """\
from livekit.agents import RoomInputOptions


def options(camera: bool) -> RoomInputOptions:
    return camera


class RoomInputOptions:
    pass
"""
#: A context of the old name is the context of today.
_CONTEXT_OF_OLD = """\
from livekit.agents.llm import AsyncRunContext


async def book(ctx: AsyncRunContext, day: str) -> str:
    return await ctx.calendar(day)
"""
#: What a marker speaks of is put under an `if`, and the marker with it.
_MARKED_UNDER_AN_IF = """\
from livekit import api


class Desk:
    def __init__(self, instructions: str) -> None:
        self.instructions = instructions

    async def transfer(self, ctx: RunContext, number: str) -> str:
        await job.api.sip.transfer_sip_participant(
            api.transfer_sip_participant(room_name=job.room.name, participant_identity="caller", transfer_to=number)
        )
"""
#: The line of a header becomes a block of two lines: the marker goes to the one it speaks of.
_MARKED_ON_THE_HEADER_S_LINE = """\
from livekit.agents.voice_assistant import AssistantCallContext, VoiceAssistant


class Tools(llm.FunctionContext):
    def keep(self, ctx):
        todo["store"] = ctx.store_metadata


async def entrypoint(job):
    assistant = VoiceAssistant(vad=None, fnc_ctx=Tools())

    @assistant.on("function_calls_finished")
    def done(ctx: AssistantCallContext): print(ctx.get_metadata("room"))
"""
#: Only what an agent needs says that there is one already: a name with the word in it may go, and so may a helper.
_LIVEKIT_ONLY_SPOKEN_OF = """\
import websockets
from livekit.agents.llm import FunctionContext
from livekit.agents.llm.tool_context import get_function_info


class PhoneLine:
    async def connect(self, address):
        self.socket = await websockets.connect(address)

    def schemas(self):
        return [{"type": "function", "name": "today", "parameters": {"type": "object", "properties": {}}}]

    async def call(self, name):
        return await self.calendar.today() if name == "today" else None


def describe(tool):
    return tool.__livekit_tool_info.description, get_function_info(tool).name
"""
#: A new import on top goes above the marker of the first statement.
_IMPORT_ABOVE_A_MARKER = """\
address = GetAddressTask(instructions="Ask for the address.", extra_instructions="No boxes.")
email = GetEmailTask(extra_instructions="Repeat it letter by letter.")
if address:
    from livekit.agents.beta.workflows import GetAddressTask, GetEmailTask
"""
#: A class is not its own base.
_CALLED_LIKE_ITS_BASE = """\
class Base(Base):
    def __init__(self, instructions="Base."):
        self.instructions = "Night."

    async def hours(self, ctx: RunContext) -> str:
        return "9"
"""
#: What an agent is given undecorated is a tool in the first run, too.
_GIVEN_UNDECORATED = """\
from livekit.agents import Agent, AgentSession, RunContext


async def entrypoint(ctx):
    async def add_item(context: RunContext, item: str) -> str:
        if turn["calls"] >= 1:
            return "Ask the customer first."
        turn["calls"] += 1

    await session.start(agent=Agent(instructions="Take orders.", tools=[add_item]), room=ctx.room)
"""
#: A base that gets a text already, and an assignment that a property of `Agent` refuses.
_PROMPT_ASSIGNED_AS_WELL = """\
class Assistant:
    def __init__(self, instructions: str, calendar=None) -> None:
        super().__init__(instructions=instructions)
        self.instructions = "Be brief."

    async def set_notes(self, ctx: RunContext, notes: str) -> str:
        self.notes = notes
        return "noted"
"""
#: Asked of what becomes an `Agent` by the first run.
_ASKED_OF_A_FUTURE_AGENT = """\
from livekit.plugins import openai

TOOLS = [{"type": "function", "function": {"name": "find", "parameters": {"properties": {}}}}]


class Assistant:
    def __init__(self, instructions):
        self.tools = TOOLS

    async def find(self, query, limit=3):
        return query


desk = Assistant("x")


async def answer_from_text(text: str):
    desk.generate_reply(user_input=text, allow_interruptions=False)
"""
#: In `interruption` some keys are called as they were: no dict of old keys.
_KEY_OF_A_GROUP = """\
from livekit.agents import AgentSession


def build():
    first = AgentSession(min_endpointing_delay=0.4, **settings.load())
    second = AgentSession(turn_handling={}, false_interruption_timeout=1.5)
    return first, second
"""
#: 0.x took `get_current` of an instance, too.
_CONTEXT_OF_THE_CONTEXT = """\
from livekit.agents import llm
from livekit.agents.pipeline import AgentCallContext


class Tools(llm.FunctionContext):
    @llm.ai_callable(description="book")
    async def book(self, room: int):
        call_ctx = AgentCallContext.get_current()
        return call_ctx.get_current().agent
"""
#: What the options were given goes to the server by its name of today.
_OPTIONS_IN_OPTIONS = """\
from livekit.agents import WorkerOptions, cli


def main():
    cli.run_app(WorkerOptions(entrypoint_fnc=WorkerOptions))
"""
#: One class of the file becomes an `Agent`: then the file uses LiveKit, and another one is told of, too.
_ANOTHER_BRINGS_LIVEKIT = """\
class Desk(Counter):
    def __init__(self, prompt):
        super().__init__()
        self.instructions = prompt

    async def count_up(self, ctx) -> str:
        return str(self.count)


class Porter:
    def __init__(self, prompt):
        self.instructions = prompt

    async def book(self, ctx: RunContext) -> str:
        return self.rooms


async def entrypoint(ctx):
    return Desk("x"), Porter("x")
"""
#: `session` is a property of what the class becomes.
_KEPT_IN_A_FUTURE_AGENT = """\
from livekit.agents import RunContext
from livekit.agents.pipeline import VoicePipelineAgent


class Desk:
    prompt = "Help."

    def __init__(self, agent):
        self.agent = agent

    async def note(self, ctx: RunContext, text: str) -> str:
        await self.agent.say("hello")
        return text


def build(agent: VoicePipelineAgent):
    return Desk(agent)
"""
#: Its tool leaves the box, which shares its line with what it is given to.
_TOOL_BELOW_ITS_BOX = """\
from livekit.agents import Agent, llm


async def entrypoint(ctx, weather):
    later = llm.FunctionContext(); helper = Agent(instructions="Be brief.", fnc_ctx=later)

    @later.ai_callable()
    async def storm(city: str) -> str:
        return await weather.storm(city)
"""
#: One of two updates on a line would be left, and stand beside `turn_handling` then.
_UPDATES_ON_A_LINE = """\
from livekit.agents import AgentSession


def build(words):
    kwargs = {}
    kwargs.update({"min_interruption_words": words, "userdata": {}}); kwargs.update(allow_interruptions=False)
    if words: kwargs.update(max_endpointing_delay=4)
    kwargs.setdefault("turn_detection", "vad")
    return AgentSession(**kwargs)
"""
#: What holds the gate's state is a field in a block of its class.
_STATE_IN_A_BLOCK = """\
from livekit.agents import Agent, RunContext, function_tool


class Turn:
    speech: str = ""
    calls: int = 0


class Guest:
    if ready:
        turn: Turn


def busy(ctx: RunContext[Guest]):
    turn = ctx.userdata.turn
    if ctx.speech_handle.id != turn.speech:
        turn.speech, turn.calls = ctx.speech_handle.id, 0
    turn.calls += 1
    return "Talk first." if turn.calls > 1 else None


class Porter(Agent):
    @function_tool
    async def check_in(self, ctx: RunContext[Guest], name: str):
        if stop := busy(ctx):
            return stop
        return name
"""
#: An entrypoint that cannot await starts its session in a task, for a new main module, too.
_ENTRYPOINT_WITHOUT_AWAIT = """\
from livekit.agents import WorkerOptions, cli, multimodal
from livekit.plugins import openai


def entrypoint(ctx):
    agent = multimodal.MultimodalAgent(model=openai.realtime.RealtimeModel(instructions="x"))
    agent.start(ctx.room)


cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
"""
#: What says that there is an agent has another name after the first run.
_OPTIONS_OF_AN_AGENT = """\
import websockets
from livekit.agents import WorkerOptions


def run(options: WorkerOptions) -> None:
    Worker(options)


class PhoneLine:
    def schemas(self):
        return [{"type": "function", "name": "today", "parameters": {"type": "object", "properties": {}}}]

    async def call(self, name):
        return await self.calendar.today() if name == "today" else None
"""
#: The only `else:` of the file goes with the guard, what is said behind it stays.
_ELSE_OF_A_GUARD = """\
from livekit.agents import Agent, RunContext, function_tool


class Desk(Agent):
    _last = None

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id == self._last:
            return "wait"
        self._last = ctx.speech_handle.id
        return None

    @function_tool
    async def clean(self, ctx: RunContext) -> str:
        gate = self._turn_gate(ctx)
        if gate:
            return gate
        # nobody waits
        else:  # the usual way
            return "a"
"""
#: Bound by an unpacking in the first run, a name is no variable of the module.
_SESSION_UNPACKED = """\
from livekit.agents import Agent
from livekit.agents.pipeline import VoicePipelineAgent


class Assistant:
    def __init__(self, instructions):
        self.instructions = instructions

    async def known(self, ctx: RunContext):
        return "x"


async def make(ctx) -> VoicePipelineAgent:
    agent = VoicePipelineAgent()
    return agent


async def entrypoint(ctx):
    agent = await make(ctx)
    agent.start(ctx.room)


session = Assistant("x")
"""
#: What a marker speaks of is put under an `else`.
_MARKED_UNDER_AN_ELSE = """\
from livekit import api


class Desk:
    def __init__(self, instructions: str) -> None:
        self.instructions = instructions

    async def note(self, ctx: RunContext, text: str) -> str:
        return text


async def start_recording(ctx: JobContext) -> str:
    info = await ctx.api.egress.start_room_composite_egress(api.composite(room_name=ctx.room.name))
    return info
"""
#: The guard is in a method of one line, which gets a docstring and so a line of its own.
_GUARD_ON_THE_HEADER_S_LINE = """\
from livekit.agents import Agent, RunContext, function_tool


class Desk(Agent):
    def __init__(self, instructions):
        self._speech = None

    def _turn_gate(self, ctx: RunContext):
        sid = getattr(ctx, "speech_id", None)
        if sid != self._speech:
            self._speech, self._calls = sid, 0
        self._calls += 1
        if self._calls > 2:
            return "Let me wait for your answer."

    async def short(self, ctx: RunContext) -> str: return self._turn_gate(ctx) or await self.one_line(ctx)

    async def long(self, ctx: RunContext) -> str:
        return "long"
"""
#: The prompt's context shares its line with what it is given to: the Agent is made beside them.
_PROMPT_ON_THE_LINE = """\
from livekit.agents import llm
from livekit.agents.pipeline import VoicePipelineAgent


def build(prompt, model):
    memory = llm.ChatContext().append(role="system", text=prompt); desk = VoicePipelineAgent(llm=model, chat_ctx=memory)
    return desk


async def entrypoint(ctx):
    if ctx: agent = VoicePipelineAgent(llm=ctx.llm, chat_ctx=llm.ChatContext().append(role="system", text="Help."))
    agent.start(ctx.room)
"""
#: What follows a header of several lines does not begin on its first.
_BEHIND_A_LONG_HEADER = """\
from livekit.agents import AgentSession, RoomInputOptions


async def begin(
    session: AgentSession,
) -> None: await session.start(room=1, room_input_options=RoomInputOptions(close_on_disconnect=False))
"""
#: What is asked of a metric is no turn gate, for which tools of an `Agent` would be described.
_SPEECH_OF_A_METRIC = """\
from livekit.agents import Agent, RunContext, function_tool
from livekit.agents.pipeline import VoicePipelineAgent


class Host(Agent):
    async def confirm(self, ctx: RunContext, name: str = "") -> str:
        return name


def watch(agent: VoicePipelineAgent, log):
    @agent.on("metrics_collected")
    def measured(metric: metrics.AgentMetrics):
        log(f"turn {metric.sequence_id} after {metric.end_of_utterance_delay}")
"""
#: A dict for what becomes a session.
_OPTIONS_OF_0X_IN_A_DICT = """\
from livekit.agents.pipeline import VoicePipelineAgent


async def entrypoint(ctx: JobContext):
    agent = VoicePipelineAgent(**{"max_endpointing_delay": 5.0})
    other = VoicePipelineAgent(interrupt_min_words=2, **{"min_endpointing_delay": 0.5})
"""
#: The one kind of room options in a dict, the other one beside it.
_ROOM_OPTIONS_IN_A_DICT = """\
from livekit.agents import RoomOutputOptions


async def entrypoint(ctx, session, options):
    await session.start(
        **{"room_input_options": options},
        room_output_options=RoomOutputOptions(sync_transcription=False),
    )
"""
#: One of the places that ask a gate stays for a person, and the gate with it.
_GATE_PASSED_ON = """\
import json
from livekit.agents import Agent, RunContext, function_tool


def make_tools(db):
    state = {"speech_id": None, "calls": 0}

    def turn_gate(ctx):
        speech_id = getattr(ctx, "speech_id", None)
        if speech_id != state["speech_id"]:
            state["speech_id"] = speech_id
            state["calls"] = 0
        state["calls"] += 1
        if state["calls"] > 1:
            return "Wait."

    @function_tool
    async def book(ctx: RunContext, day: str) -> str:
        if refused := turn_gate(ctx):
            return refused
        return day

    @function_tool
    async def cancel(ctx: RunContext, day: str) -> str:
        refused = turn_gate(ctx)
        return json.dumps({"error": refused})
"""
#: The more patient one of two gates goes, the other one stays for a person.
_A_GATE_LEFT = """\
from livekit.agents import Agent, AgentSession, RunContext, function_tool


async def entrypoint(ctx):
    calls = [0]
    state = {"calls": 0, "turn": None}

    def gate(ctx):
        if state["turn"] != ctx.speech_id:
            state["turn"] = ctx.speech_id
            state["calls"] = 0
        state["calls"] += 1
        return state["calls"] > 2

    def may_call():
        calls[0] += 1
        return calls[0] <= 1

    async def a(context: RunContext):
        if gate(context):
            return "no"
        if not may_call():
            if ready:
                return "no"
        return "a"

    def new_turn(ev):
        calls[0] = 0

    session = AgentSession(llm="x")
    session.on("user_input_transcribed", new_turn)
    await session.start(agent=Agent(instructions="x", tools=[a]), room=ctx.room)
"""
#: The marker of a class stays with it when others are put above it.
_MARKED_CLASS_BELOW_ANOTHER = """\
from livekit import rtc

TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "report",
            "parameters": {
                "properties": {"details": {"type": "object", "properties": {"text": {"type": "string"}}}},
            },
        },
    },
    {"type": "function", "function": {"name": "plan", "parameters": {"properties": {}}}},
]


class Assistant:
    def __init__(self, instructions):
        self.tools = TOOLS

    async def dispatch(self, name, args):
        return await getattr(self, name)(**args)

    async def report(self, details: dict):
        async def plan(self):
            return "x"


assistant = Assistant("x")
"""
#: In the body of a class, `self` is nobody.
_SELF_OF_A_CLASS = """\
class Desk:
    instructions = "You are the desk."
    self.llm = self._llm = os.getenv("MODEL")

    async def note(self, ctx: RunContext, text: str) -> str:
        self.session.say(text)
"""
#: An `__init__` that is there only sometimes gets no second one beside it.
_INIT_IN_A_BLOCK = """\
class Desk:
    instructions = "You are the desk."
    if ready:
        def __init__(self, name):
            self.llm = self._llm = os.getenv("MODEL")

    async def note(self, ctx: RunContext, text: str) -> str:
        self.session.say(text)
"""
#: A gate is asked twice in one place: by two decorators, in two assignments, in one `try`.
_GATED_TWICE = """\
from functools import wraps
from livekit.agents import Agent, RunContext, function_tool


def one_call(fn):
    @wraps(fn)
    async def gated(self, ctx, *args):
        if ctx.speech_handle.id == self._last:
            return "Wait."
        self._last = ctx.speech_handle.id
        return await fn(self, ctx, *args)

    return gated


class Desk(Agent):
    _last = None

    @function_tool
    @one_call
    @one_call
    async def book(self, ctx: RunContext, day: str) -> str:
        return day


class Bar(Agent):
    _seen = None

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id == self._seen:
            return "Wait."
        self._seen = ctx.speech_handle.id

    @function_tool
    async def pour(self, ctx: RunContext) -> str:
        gate: str = self._turn_gate(ctx)
        gate: str = self._turn_gate(ctx)
        return "poured"


class Spa(Agent):
    def __init__(self):
        super().__init__(instructions="x")
        self._done = set()

    def _once(self, ctx):
        if ctx.speech_handle.id in self._done:
            raise TooManyCalls("wait")
        self._done.add(ctx.speech_handle.id)

    @function_tool
    async def warm(self, ctx: RunContext) -> str:
        try:
            self._once(ctx)
            self._once(ctx)
            return "warm"
        except TooManyCalls:
            return "One after the other."
"""
#: Registered twice, a handler is no session's.
_CHAT_HANDLER_TWICE = """\
from livekit import rtc
from livekit.agents.pipeline import VoicePipelineAgent


async def entrypoint(ctx):
    agent = VoicePipelineAgent()
    chat = rtc.ChatManager(ctx.room)

    @chat.on("message_received")
    @chat.on("message_received")
    def on_chat(msg: rtc.ChatMessage):
        asyncio.create_task(answer(msg.message))

    agent.start(ctx.room)
"""
#: Remarks on lines that go, of a clause, a decorator, a `try` that becomes a line, and a docstring that does not.
_REMARKS = """\
import asyncio
from dataclasses import dataclass, field

from livekit.agents import Agent, AgentSession, JobContext, RunContext, WorkerOptions, cli, function_tool


@dataclass  # of a turn
class TurnState:  # and no more
    speech: str = ""  # its id


@dataclass
class Guest:  # of the house
    turn: TurnState = field(default_factory=TurnState)  # this one's


def busy(ctx: RunContext[Guest]):
    turn = ctx.userdata.turn
    if ctx.speech_handle.id != turn.speech:
        turn.speech, turn.calls = ctx.speech_handle.id, 0
    turn.calls += 1
    return "Talk first." if turn.calls > 3 else None


class Porter(Agent):
    @function_tool
    async def check_in(self, ctx: RunContext[Guest], name: str, urgent: bool):
        if urgent:  # no time
            return "at once"
        # the turn
        elif stop := busy(ctx):  # once more
            return stop
        return name


async def run_session(ctx: JobContext, agent: Agent):
    \"\"\"One call.\"\"\"  # and no other
    session = AgentSession(llm="openai/gpt-4o-mini")  # small

    @session.on("metrics_collected")
    def on_metrics(ev):
        measured = ev.metrics
        try:  # some have one
            speech = measured.speech_id  # this
        except AttributeError:  # others not
            speech = "none"  # that
        print(speech)

    await session.start(agent=agent, room=ctx.room)  # go


async def entrypoint(ctx: JobContext):
    asyncio.create_task(run_session(ctx, Porter()))


cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
"""
#: The module's logger is called as the session is in here.
_LOGGER_CALLED_SESSION = """\
import logging

from livekit.agents import AgentSession, MetricsCollectedEvent, metrics

session = logging.getLogger("desk.usage")


def watch_usage(session: AgentSession) -> None:
    @session.on("metrics_collected")
    def _on_metrics_collected(ev: MetricsCollectedEvent):
        metrics.log_metrics(ev.metrics)
"""
#: Each value of the dict is given by name, then: it comes to no other session.
_KEYS_READ = """\
from livekit.agents import AgentSession

TURNS = {"min_endpointing_delay": 0.6, "user_away_timeout": 20.0}


def make(detector):
    if detector is None:
        return AgentSession(**self.TURNS)
    return AgentSession(turn_detection=detector, **TURNS)
"""
#: An import that is not used tells nothing about who listens.
_CHAT_OF_A_CLIENT = """\
from livekit import rtc
from livekit.agents.pipeline import VoicePipelineAgent


async def listen(room: rtc.Room):
    chat = rtc.ChatManager(room)

    @chat.on("message_received")
    def on_chat(msg: rtc.ChatMessage):
        print(msg.message)
"""
#: A key that no session takes is none by name, either.
_STRANGER_AMONG_THE_KEYS = """\
from livekit.agents import AgentSession

TURNS = {"min_endpointing_delay": 0.6, "patience": 4.0}


def build(detector):
    return AgentSession(turn_detection=detector, **TURNS)
"""
#: Another rule brings in a word that a rule looks for.
_STREAM_OF_A_TTS = """\
from livekit.agents import KeytermsOptions, tts


def build(terms: KeytermsOptions):
    return terms


class Older(tts.SynthesizeStream):
    async def _main_task(self) -> None:
        output_emitter.push(b"")
"""


_CASES = {name: text for name, text in globals().items() if name.isupper() and isinstance(text, str)}


@pytest.mark.parametrize("name", _CASES)
def test_it_finds_nothing(name: str) -> None:
    assert check_laws(_CASES[name].encode()) == "changed"


#: Of two gates with other limits one is taken out, and the other one looks like the only one then.
_DESKS = """\
from livekit.agents import Agent, RunContext, function_tool


class Strict(Agent):
    _last = None

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id == self._last:
            return "wait"
        self._last = ctx.speech_handle.id

    @function_tool
    async def look_up(self, ctx: RunContext) -> str:
        if gate := self._turn_gate(ctx):
            print(gate)
            return gate
        return "a"


class Relaxed(Agent):
    _last = None

    def _turn_gate(self, ctx):
        if ctx.speech_handle.id != self._last:
            self._last, self._count = ctx.speech_handle.id, 0
        self._count += 1
        return "wait" if self._count > 5 else None

    @function_tool
    async def look_up(self, ctx: RunContext) -> str:
        if gate := self._turn_gate(ctx):
            return gate
        return "b"
"""
_SESSION = """\
from desks import Relaxed, Strict
from livekit.agents import AgentSession
from livekit.plugins import openai


async def entrypoint(ctx):
    agent = Strict(instructions="s") if ctx.strict else Relaxed(instructions="r")
    session = AgentSession(llm=openai.LLM())
    await session.start(agent=agent, room=ctx.room)
"""


#: What the run that left the gate has made of the session: a new main module says so with another rule's marker.
_SESSION_TOLD_OF = """\
from desks import Strict
from livekit.agents import AgentSession


async def entrypoint(ctx, pick):
    session = AgentSession(**ctx.options)
    await session.start(agent=pick(Strict), room=ctx.room)
"""


def test_a_gate_that_was_left_limits_no_session_again() -> None:
    desks = _DESKS[: _DESKS.index("class Relaxed")]
    first = make_plan({"desks.py": desks.encode(), "main.py": _SESSION_TOLD_OF.encode()}, ConvertOptions(no_main=True))
    after = {c.path: c.after or b"" for c in first.changes}
    assert b"LK101" in after["desks.py"] and b"LK102" in after["main.py"]
    assert checked({**after, "main.py": _SESSION_TOLD_OF.encode()}).outcome == "same"


def test_it_decides_nothing_that_it_left_to_a_person() -> None:
    assert checked({"desks.py": _DESKS.encode(), "main.py": _SESSION.encode()}).outcome == "changed"


#: The one gate counts in an attribute that is called as a key is which the other one counts in, and takes with it.
_COUNTED_BESIDE = """\
from gates import RateGate
from livekit.agents import Agent, RunContext, function_tool


class Desk(Agent):
    def __init__(self):
        super().__init__(instructions="x")
        self.gate = RateGate(limit=3)

    @function_tool
    async def one(self, ctx: RunContext) -> str:
        refused = self.gate.check(ctx)
        if refused:
            return refused
        return "one"


async def entrypoint(ctx):
    turn = {"calls": 0}

    @function_tool
    async def add_item(context: RunContext, item: str) -> str:
        if turn["calls"] >= 1:
            return "Ask the customer first."
        turn["calls"] += 1
        return item

    @session.on("user_input_transcribed")
    def _on_user(event):
        turn["calls"] = 0
"""
_RATE_GATE = """\
class RateGate:
    def __init__(self, limit=1):
        self.limit = limit
        self.last = None

    def check(self, ctx):
        if ctx.speech_handle.id != self.last:
            self.last = ctx.speech_handle.id
            self.calls = 0
        self.calls += 1
        if self.calls > self.limit:
            return "Answer the caller first."
"""


_DESK_WITH_A_REGISTRY = """\
import json
from livekit.agents import RunContext


class Desk:
    def __init__(self, instructions):
        self.instructions = instructions
        self.tools = [self.note]

    async def note(self, ctx: RunContext, text: str) -> str:
        return text
"""


def test_a_package_does_not_keep_an_import_that_warns() -> None:
    source = """\
from livekit.agents import AgentSession
from livekit.plugins.turn_detector.multilingual import MultilingualModel


def build():
    return AgentSession(turn_detection=MultilingualModel())
"""
    assert checked({"voice/__init__.py": source.encode(), "main.py": b"import voice\n"}).outcome == "changed"


@pytest.mark.parametrize("imports", ["from livekit import agents", "from livekit import rtc"])
@pytest.mark.parametrize("own", ["class Orchestra: ...", "unreadable = ("])
def test_what_a_package_of_the_project_hides_is_not_imported(imports: str, own: str) -> None:
    desk = _DESK_WITH_A_REGISTRY.replace("import json", imports)
    for path in ("livekit/agents/__init__.py", "livekit/agents.py"):
        files = {"livekit/__init__.py": b"", path: own.encode(), "main.py": desk.encode()}
        plan = make_plan(files, ConvertOptions())
        assert not plan.changes
        assert any("project's own `livekit`" in s.reason for s in plan.skipped)
    assert checked({"voice/livekit/__init__.py": b"", "voice/main.py": desk.encode()}).outcome == "changed"


def test_two_gates_go_at_once() -> None:
    assert checked({"desk.py": _COUNTED_BESIDE.encode(), "gates.py": _RATE_GATE.encode()}).outcome == "changed"


def test_a_gate_that_is_reset_under_a_condition() -> None:
    desk = _COUNTED_BESIDE.replace("RateGate(limit=3)", "RateGate(limit=3)\n        self.gate.reset()")
    gate = f"{_RATE_GATE}\n    def reset(self):\n        if ready:\n            self.calls = 0\n"
    assert checked({"desk.py": desk.encode(), "gates.py": gate.encode()}).outcome == "changed"


#: Asked for its import by a file that asks no more, once it is converted.
_GIVER = """\
from livekit.agents import JobContext, WorkerOptions, cli


async def entrypoint(ctx: JobContext):
    await ctx.connect()


if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint))
"""
_TAKER = """\
from agent import WorkerOptions, cli, entrypoint

if __name__ == "__main__":
    cli.run_app(WorkerOptions(entrypoint_fnc=entrypoint, agent_name="local"))
"""


def test_an_import_is_not_kept_for_a_file_that_needs_it_no_more() -> None:
    assert checked({"agent.py": _GIVER.encode(), "try_it.py": _TAKER.encode()}).outcome == "changed"
    other = b"from agent import WorkerOptions\n\nprint(WorkerOptions)\n"
    kept = make_plan({"agent.py": _GIVER.encode(), "other.py": other}, ConvertOptions())
    (change,) = (c for c in kept.changes if c.path == "agent.py")
    assert change.after is not None and b"WorkerOptions" in change.after


#: A tool for the console beside a client: nothing of agents is left in the file when `TypeInfo` is pydantic's `Field`.
_CLIENT_WITH_TYPES = """\
import asyncio
from typing import Annotated

from livekit import rtc
from livekit.agents.llm import TypeInfo


async def book(room: Annotated[str, TypeInfo(description="The room")]):
    return room


async def main(url, token):
    room = rtc.Room()
    await room.connect(url, token)
    chat = rtc.ChatManager(room=room)

    @chat.on("message_received")
    def on_message(msg: rtc.ChatMessage, *_):
        asyncio.ensure_future(chat.send_message(f"You said {msg.message}"))
"""


def test_types_of_parameters_make_no_client_an_agent() -> None:
    assert b"register_text_stream_handler" in _converted(_CLIENT_WITH_TYPES)


def _converted(source: str) -> bytes:
    """What becomes of a file of which a second run finds no more."""
    files = {"main.py": source.encode()}
    assert checked(files).outcome == "changed"
    return make_plan(files, ConvertOptions()).changes[0].after or b""


#: LiveKit comes from a module of the project's own, and into this file by a rule.
_SESSION_FROM_OWN = """\
from common import AgentSession

TOOLS = [
    {"type": "function", "function": {"name": "find", "description": "Finds a desk.", "parameters": {}}},
    {"type": "function", "function": {"name": "note", "description": "Takes a note.", "parameters": {}}},
]


class Assistant:
    def __init__(self, instructions):
        self.instructions = instructions
        self.tools = TOOLS

    async def find(self):
        return "there"

    async def note(self):
        return "noted"


async def entrypoint(ctx, board):
    session = AgentSession()

    @session.on("metrics_collected")
    def on_metrics(ev):
        board.gauge("ttft", ev.metrics.ttft)

    await board.run(session, Assistant("Be brief."))
"""


def test_who_names_a_session_uses_livekit() -> None:
    files = {"main.py": _SESSION_FROM_OWN.encode()}
    assert checked(files).outcome == "changed"


#: A name that nothing binds means no more after the conversion than before, whatever else a star may bring.
_UNBOUND_BESIDE_A_STAR = """\
from heapq import *

from livekit.agents.pipeline import VoicePipelineAgent


def watch(agent: VoicePipelineAgent, log):
    log(agent._tts, agent._llm)


def above(session: AgentSession):
    handle = session.say("Hello!")
    return handle.parent
"""


def test_an_import_gives_no_meaning_to_unbound_names() -> None:
    assert checked({"main.py": _UNBOUND_BESIDE_A_STAR.encode()}).outcome == "changed"


def test_the_old_program_beside_the_new_one_is_no_loop_without_a_session() -> None:
    root = Path(__file__).parents[2] / "fixtures" / "legacy" / "switchboard"
    files = {p.relative_to(root).as_posix(): p.read_bytes() for p in root.rglob("*") if p.suffix in (".py", ".txt")}
    assert checked(files).outcome == "new main"


def test_an_import_by_itself_is_no_session() -> None:
    loop = (Path(__file__).parents[2] / "fixtures" / "rules" / "LK130" / "no_assistant.before.py").read_text()
    source = "from livekit.agents.multimodal import MultimodalAgent\n" + loop
    assert b"MultimodalAgent" not in (after := _converted(source)) and b"LK130" in after


def test_a_comment_does_not_go_on_in_the_next_line() -> None:
    source = (
        "# a rule of thumb \\\nfrom livekit.agents.pipeline import VoicePipelineAgent\n\n\n"
        "def louder(agent: VoicePipelineAgent):\n    agent.tts.volume = 2\n"
    )
    assert b"session: AgentSession" in _converted(source)
