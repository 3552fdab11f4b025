"""Counts uses of LiveKit API that 1.8 no longer has, or deprecates: independent of the rules, on purpose.

It shares no code and no table with `src/`: what the rules overlook must not be overlooked here for the same reason.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import dataclass

#: Names that are gone, or deprecated, wherever they are imported from livekit.
NAMES = frozenset(
    """
    VoicePipelineAgent VoiceAssistant MultimodalAgent FunctionContext TypeInfo ai_callable ChatImage ChatAudio
    AgentCallContext AssistantCallContext STTSegmentsForwarder TTSSegmentsForwarder ChatManager
    AgentTranscriptionOptions EOUModel UsageCollector RoomInputOptions RoomOutputOptions WorkerOptions
    MultilingualModel EnglishModel AsyncRunContext AssistantLLM ServerVadOptions SemanticVadOptions
    InputTranscriptionOptions FunctionCallInfo CalledFunction FunctionArgInfo USE_DOCSTRING LLMCapabilities
    InlineTask SimulateJobInfo ChatCLI SynthesizedAudioEmitter DEFAULT_ROOM_INPUT_OPTIONS
    DEFAULT_ROOM_OUTPUT_OPTIONS
    """.split()  # noqa: SIM905
)
TURN_KEYWORDS = frozenset(
    """
    turn_detection min_endpointing_delay max_endpointing_delay allow_interruptions min_interruption_duration
    min_interruption_words discard_audio_if_uninterruptible false_interruption_timeout
    agent_false_interruption_timeout resume_false_interruption preemptive_generation mcp_servers
    keyterms_options
    """.split()  # noqa: SIM905
)
SESSION_CALLS = frozenset({"AgentSession", "Agent", "AgentTask"})
OLD_EVENTS = frozenset(
    """
    user_started_speaking user_stopped_speaking agent_started_speaking agent_stopped_speaking
    user_speech_committed agent_speech_committed agent_speech_interrupted function_calls_collected
    function_calls_finished metrics_collected
    """.split()  # noqa: SIM905
)
START_KEYWORDS = frozenset({"room_input_options", "room_output_options"})


@dataclass(frozen=True)
class Use:
    """One use of old API: what, and the 1-based line."""

    name: str
    line: int


def uses(source: bytes) -> list[Use]:
    """Every use in a file; [] when it does not parse here, or does not import livekit at all."""
    if b"livekit" not in source:
        return []
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return []
    return sorted(_uses(tree), key=lambda use: use.line)


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Local name → name, of all that the file imports from LiveKit's modules."""
    return {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livekit")
        for alias in node.names
    }


def _uses(tree: ast.Module) -> Iterator[Use]:
    imported = imported_names(tree)
    old_locals = {local for local, name in imported.items() if name in NAMES}
    agent_classes = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any(_last(base) in SESSION_CALLS for base in node.bases)
    }
    for parent in ast.walk(tree):
        if isinstance(parent, ast.ClassDef) and parent.name in agent_classes:
            for call in ast.walk(parent):
                if _is_super_init(call):
                    yield from (Use(k.arg, k.value.lineno) for k in call.keywords if k.arg in TURN_KEYWORDS)  # type: ignore[attr-defined]
    models = _MODELS | set(_model_loops(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("livekit"):
            yield from (Use(a.name, node.lineno) for a in node.names if a.name in NAMES)
        elif isinstance(node, ast.Name) and node.id in old_locals:
            yield Use(imported[node.id], node.lineno)
        elif isinstance(node, ast.Attribute) and node.attr in NAMES:
            yield Use(node.attr, node.lineno)
        elif isinstance(node, ast.Call):
            yield from _call(node, models)


#: Whose own `metrics_collected` is not deprecated.
_MODELS = frozenset({"llm", "stt", "tts", "vad"})


def _model_loops(tree: ast.Module) -> Iterator[str]:
    """`model` of `for model in (session.stt, session.llm): model.on("metrics_collected", …)`."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.For) and isinstance(node.target, ast.Name) and isinstance(node.iter, ast.Tuple)):
            continue
        if all(_last(e) in _MODELS | {"realtime_llm_session"} for e in node.iter.elts):
            yield node.target.id


def _call(call: ast.Call, models: Collection[str]) -> Iterator[Use]:
    name = _last(call.func)
    keywords = {k.arg: k for k in call.keywords if k.arg}
    if name in SESSION_CALLS:
        yield from (Use(k, keywords[k].value.lineno) for k in keywords if k in TURN_KEYWORDS)
    if name == "start":
        yield from (Use(k, keywords[k].value.lineno) for k in keywords if k in START_KEYWORDS)
    if name == "append" and "role" in keywords and ("text" in keywords or "images" in keywords):
        yield Use("ChatContext.append", call.lineno)
    if name == "create" and isinstance(call.func, ast.Attribute):
        chain = ast.unparse(call.func)
        if chain.endswith("ChatMessage.create") or "conversation.item" in chain:
            yield Use(chain.rpartition(".")[0].rpartition(".")[2] + ".create", call.lineno)
    if name == "on" and call.args and isinstance(call.args[0], ast.Constant) and call.args[0].value in OLD_EVENTS:
        owner = _last(call.func.value) if isinstance(call.func, ast.Attribute) else ""
        if not (call.args[0].value == "metrics_collected" and owner in models):
            yield Use(f"on {call.args[0].value}", call.lineno)


def _is_super_init(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "__init__"
        and isinstance(node.func.value, ast.Call)
        and _last(node.func.value.func) == "super"
    )


def _last(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript):  # `AgentSession[Userdata](…)`
        return _last(node.value)
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else ""


def unmarked(source: bytes) -> list[Use]:
    """The uses that no marker speaks of. An import is spoken of where each use of its name is."""
    marked, found = marked_lines(source), uses(source)
    left = [use for use in found if use.line not in marked]
    imports = _import_lines(source) if left else set()

    def is_only_imported(use: Use) -> bool:
        others = [o for o in found if o.name == use.name and o.line not in imports]
        return use.line in imports and bool(others) and all(o.line in marked for o in others)

    return [use for use in left if not is_only_imported(use)]


def _import_lines(source: bytes) -> set[int]:
    return {node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ImportFrom)}


def marked_lines(source: bytes) -> set[int]:
    """Lines that a marker speaks of: the statement below each `# TODO(lk-migrate …)`."""
    lines = source.splitlines()
    marked: set[int] = set()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return marked
    starts = {n for n, line in enumerate(lines, 1) if line.lstrip().startswith(b"# TODO(lk-migrate")}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            above = first - 1
            while above > 0 and lines[above - 1].lstrip().startswith(b"#"):
                if above in starts:
                    marked.update(range(first, (node.end_lineno or first) + 1))
                    break
                above -= 1
    return marked
