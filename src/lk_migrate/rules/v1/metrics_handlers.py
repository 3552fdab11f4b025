"""What a listener of a session's metrics becomes when it listens to a model, which gives the metrics object itself."""

from __future__ import annotations

from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.framework import agents_name, library_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.metrics import Registration, is_docstring
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.walk import find
from lk_migrate.rewrite.changes import Change, Remove, Replace, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.v1.listener_words import constant_words, given_to, own_words, words_reached

#: Whoever says one of these reads what the session itself told at the end of a turn.
EOU = frozenset(
    {"EOUMetrics", "eou_metrics", "end_of_utterance_delay", "transcription_delay", "on_user_turn_completed_delay"}
)
_FIELDS = frozenset(
    """
    type label request_id timestamp duration ttft cancelled completion_tokens prompt_tokens prompt_cached_tokens
    total_tokens tokens_per_second speech_id audio_duration streamed ttfb characters_count segment_id idle_time
    inference_duration_total inference_count input_tokens output_tokens
    """.split()  # noqa: SIM905
) | (EOU - {"EOUMetrics", "eou_metrics"})


@dataclass(frozen=True)
class Handler:
    """What is registered on each model.

    `text`: how to spell it; `changes`: the edits of the function; `words`: names and strings in it, to see what it
    reads; `wraps`: the function and the event class, when the function still wants the event.
    """

    text: str
    changes: tuple[Change, ...]
    words: frozenset[str]
    wraps: tuple[str, str] | None = None


def handler_of(registration: Registration, converted: frozenset[cst.Call], file: File) -> Handler:
    function = registration.function
    given = registration.call.args[1].value if len(registration.call.args) > 1 else None
    if function is None:
        assert given is not None
        method = (dotted(given) or "").rpartition(".")[2]  # `latency.handle_event`
        return _wrapped(file.code(given), words_reached([method], file) & (EOU | {"speech_id"}), file)
    words = own_words(function) | (constant_words(function, file) & EOU)
    words |= words_reached(given_to(function, registration.event), file) & EOU
    if isinstance(function, cst.Lambda):
        renaming = _renaming(registration, file)
        if renaming is None:
            return _wrapped(f"({file.code(function)})", words, file)
        return Handler("", renaming, words)
    name = file.code(given) if given is not None else function.name.value
    elsewhere = _is_used_elsewhere(function, registration, converted, file)
    changes = None if elsewhere else _renaming(registration, file)
    if changes is None:
        return _wrapped(name, words, file)
    return Handler(name, changes, words)


def _wrapped(text: str, words: frozenset[str], file: File) -> Handler:
    event = file.use("livekit.agents.MetricsCollectedEvent")
    return Handler(f"lambda m: {text}({event}(metrics=m))", (), words, (text, event))


def _is_used_elsewhere(
    function: cst.FunctionDef, registration: Registration, converted: frozenset[cst.Call], file: File
) -> bool:
    """Whether anything but these registrations calls the function: then it must go on taking an event."""
    name = function.name.value
    ours = {n for call in converted for arg in call.args[1:] for n in find(arg.value, cst.Name)}
    scope = file.enclosing(function, cst.FunctionDef) or file.module.tree
    mentions = {n for n in file.module.index.find(scope, cst.Name) if n.value == name and n is not function.name}
    others = [n for n in mentions - ours if not _is_same_name_only(n, file)]
    if others:
        return True
    if file.enclosing(function, cst.FunctionDef) is not None:
        return False
    word = name.encode()
    return any(word in data for path, data in file.project.files.items() if path != file.path and path.endswith(".py"))


def _is_same_name_only(name: cst.Name, file: File) -> bool:
    """A definition or keyword that merely has the same name."""
    parent = file.parent(name)
    return isinstance(parent, (cst.FunctionDef, cst.ClassDef, cst.Param)) or (
        isinstance(parent, cst.Arg) and parent.keyword is name
    )


def _uses(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> list[cst.Name]:
    found = []
    for name in find(function.body, cst.Name):
        parent = file.parent(name)
        is_attribute = isinstance(parent, cst.Attribute) and parent.attr is name
        if name.value == event and not is_attribute and not (isinstance(parent, cst.Arg) and parent.keyword is name):
            found.append(name)
    return found


def _renaming(registration: Registration, file: File) -> tuple[Change, ...] | None:
    """The function takes the metrics object: `ev.metrics` becomes the parameter. None when it needs the event."""
    function, event = registration.function, registration.event
    assert function is not None
    if not event:
        return ()
    params = [p for p in function.params.params if p.name.value == event]
    if file.project.fact(pipelines).holdings.is_v0_agent(file.module, registration.session):
        return _given_by_0x(function, event, file)
    unpacked = []
    for name in _uses(function, event, file):
        parent = file.parent(name)
        if not isinstance(parent, cst.Attribute) or isinstance(file.parent(parent), (cst.AssignTarget, cst.AugAssign)):
            return () if _takes_metrics(function, event, file) else None
        if parent.attr.value != "metrics":
            return () if _takes_metrics(function, event, file) else None
        unpacked.append(parent)
    if not params or not unpacked:
        return ()
    first = _bound_first(function, unpacked)
    takes_metrics = _annotated(params[0], "AgentMetrics", file)
    new = first[1] if first else event if takes_metrics else _fresh(function, file)
    changes: list[Change] = [_param(params[0], new, function, file)]
    if first:
        changes.append(Remove(first[0], f"the listener gets `{new}` itself"))
    else:
        changes += [
            Replace(
                node, lambda updated: cst.Name(new, lpar=updated.lpar, rpar=updated.rpar), f"`{new}` is handed over"
            )
            for node in unpacked
        ]
    return tuple(changes)


def _given_by_0x(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> tuple[Change, ...]:
    """What a listener took from the 0.x agent is what a model tells, but for two fields."""
    changes: list[Change] = []
    for name in _uses(function, event, file):
        read = file.parent(name)
        if isinstance(read, cst.Attribute) and read.attr.value == "sequence_id":
            changes.append(Replace(read.attr, lambda _: cst.Name("speech_id"), "`sequence_id` is `speech_id` now"))
        elif isinstance(read, cst.Attribute) and read.attr.value == "error":
            changes.append(Todo(read, "metrics have no `error`: a session tells errors with its event `error`."))
    return tuple(changes)


def _takes_metrics(function: cst.FunctionDef | cst.Lambda, event: str, file: File) -> bool:
    """0.x listeners took the metrics object; on a 1.x session they never worked, on a model they do."""
    attributes = [file.parent(n) for n in _uses(function, event, file)]
    fields = {a.attr.value for a in attributes if isinstance(a, cst.Attribute)}
    calls = [file.parent(a) for a in attributes if isinstance(a, cst.Arg)]
    known = all(
        isinstance(c, cst.Call)
        and (dotted(c.func) or "").rpartition(".")[2] in ("log_metrics", "collect", "isinstance", "type")
        for c in calls
    )
    return (
        known
        and len(calls) + sum(isinstance(a, cst.Attribute) for a in attributes) == len(attributes)
        and (fields <= _FIELDS - {"type"} or (not fields and bool(calls)))
    )


def _bound_first(
    function: cst.FunctionDef | cst.Lambda, unpacked: list[cst.Attribute]
) -> tuple[cst.SimpleStatementLine, str] | None:
    """`m = ev.metrics` opens the function and is its only use of the event: then the parameter is `m`."""
    if isinstance(function, cst.Lambda) or len(unpacked) != 1 or not isinstance(function.body, cst.IndentedBlock):
        return None
    body = [s for s in function.body.body if not is_docstring(s)]
    line = body[0] if len(body) > 1 else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1 or line.leading_lines:
        return None
    small = line.body[0]
    if isinstance(small, cst.Assign) and small.value is unpacked[0] and len(small.targets) == 1:
        target = small.targets[0].target
        if isinstance(target, cst.Name) and line.trailing_whitespace.comment is None:
            return line, target.value
    return None


def _fresh(function: cst.FunctionDef | cst.Lambda, file: File) -> str:
    taken = {n.value for n in find(function.body, cst.Name)}
    names = ("m", "collected") if isinstance(function, cst.Lambda) else ("agent_metrics", "collected_metrics")
    return next((n for n in names if n not in taken), "component_metrics")


def _annotated(param: cst.Param, name: str, file: File) -> bool:
    return param.annotation is not None and agents_name(file.project, file.module, param.annotation.annotation) == name


def _param(param: cst.Param, new: str, function: cst.FunctionDef | cst.Lambda, file: File) -> Change:
    annotation = param.annotation
    if annotation is not None and _says_event(annotation.annotation, file):
        kind = cst.parse_expression(file.use("livekit.agents.metrics.AgentMetrics"))
        annotation = annotation.with_changes(annotation=kind)
    return Replace(
        param,
        lambda updated: updated.with_changes(name=cst.Name(new), annotation=annotation),
        "a model's listener gets the metrics object itself",
    )


def _says_event(annotation: cst.BaseExpression, file: File) -> bool:
    if isinstance(annotation, cst.SimpleString):
        return str(string_value(annotation)).endswith("MetricsCollectedEvent")
    name = library_name(file.project, file.module, annotation) or dotted(annotation) or ""
    return name.rpartition(".")[2] == "MetricsCollectedEvent"
