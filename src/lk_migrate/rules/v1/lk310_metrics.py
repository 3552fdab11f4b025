"""`metrics_collected` and `UsageCollector` give way to `session.usage` and `session_usage_updated`.

Listening to `metrics_collected` on a session warns since 1.5.0, making a `UsageCollector` raises a DeprecationWarning.
The session adds up its own usage per model: a collector that only fed on the event becomes `session.usage`, its old
sums are computed from it, and a listener that only logged is told the usage instead. A listener that reads single
numbers (latencies, a dashboard) listens to the session's models, whose `metrics_collected` is the same without the
event around it; what `EOUMetrics` told is handed over from `ChatMessage.metrics` (event `conversation_item_added`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

import libcst as cst

from lk_migrate.facts.among import called_so
from lk_migrate.facts.framework import agents_name
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import string_value
from lk_migrate.facts.metrics import Collector, Listener, collectors, listeners, registrations, single_call
from lk_migrate.facts.pipelines import pipelines
from lk_migrate.facts.usage_summaries import asked, assigned_name, expressions, kept, namesakes, receivers
from lk_migrate.facts.variables import is_free
from lk_migrate.facts.walk import find
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.blocks import dedented
from lk_migrate.rewrite.changes import Change, Note, Remove, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rewrite.layout import quote
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.v1.component_metrics import to_components
from lk_migrate.rules.v1.remarks import remarks
from lk_migrate.rules.v1.usage_fields import USAGE_FIELDS, total

_TRIGGERS = (b"metrics_collected", b"UsageCollector", b"UsageSummary", *(f.encode() for f in USAGE_FIELDS))
rule = Rule("LK310", Edition.V1, __doc__, triggers=_TRIGGERS, since="1.5.0", safety=Safety.REVIEW)


@dataclass(frozen=True)
class Plan:
    """What becomes of the file: `on_session` are collectors that the session replaces, with its spelling."""

    listeners: tuple[Listener, ...]
    on_session: tuple[tuple[Collector, str], ...]
    on_models: tuple[Collector, ...]


@rule.on(cst.Module)
def metrics(tree: cst.Module, file: File) -> Iterator[Change]:
    """Listeners and collectors of a file are judged together: the one feeds the other."""
    yield from _received(file)
    yield from _handed_collectors(file)
    plan = _plan(file)
    gone = {s for c, _ in plan.on_session for s in c.collects}
    told_usage = {li.registration: li for li in plan.listeners if li.is_plain and gone.issuperset(li.collects)}
    others = [r for r in registrations(file.project, file.module) if r.call not in told_usage]
    for listener in told_usage.values():
        yield from _listener(listener, file)
    for registration in others:
        yield from to_components(registration, frozenset(r.call for r in others), file)
    for collector, session in plan.on_session:
        yield Remove(collector.line, f"`{session}.usage` adds up by itself", comments=remarks(collector.line, _ABOUT))
        for call in collector.summaries:
            yield from _summary(call, f"{session}.usage", ".model_usage", file)
    for collector in plan.on_models:
        spelling = _beside(collector.made.func, "ModelUsageCollector", file)
        yield Rewrite(
            collector.made,
            lambda updated, s=spelling: updated.with_changes(func=cst.parse_expression(s)),  # type: ignore[misc]
            "`UsageCollector` is now `ModelUsageCollector`",
        )
        for call in collector.summaries:
            yield from _summary(call, f"{collector.name}.flatten()", "", file)
        if collector.others:
            yield Todo(
                collector.line,
                f"`{collector.name}` is handed on: where its summary is read, `get_summary()` is now `flatten()`, a "
                "list of per-model usage objects (`LLMModelUsage.input_tokens`, `TTSModelUsage.characters_count`, …).",
            )


def _plan(file: File) -> Plan:
    heard = tuple(listeners(file.project, file.module))
    by_session, by_models = [], []
    found = collectors(file.project, file.module)
    known = {s for c in found for s in c.collects}
    plain = [li for li in heard if li.is_plain and known.issuperset(li.collects)]
    for collector in found:
        feeding = [li for li in heard if set(li.collects) & set(collector.collects)]
        spelled = {dotted(li.session) for li in feeding}
        fed_by_plain = all(any(s in li.collects for li in plain) for s in collector.collects)
        session = next(iter(spelled), None) if len(spelled) == 1 else None
        if (
            session
            and fed_by_plain
            and not collector.others
            and all(_sees(c, session, file) for c in collector.summaries)
        ):
            by_session.append((collector, file.project.fact(pipelines).spelled(file.module, feeding[0].session)))
        else:
            by_models.append(collector)
    return Plan(heard, tuple(by_session), tuple(by_models))


def _sees(call: cst.Call, session: str, file: File) -> bool:
    """Whether the session's name means the same at `call`: bound by a function around it, or `self.…`."""
    head = session.partition(".")[0]
    if head == "self":
        return True
    for scope in file.module.scopes(call):
        if isinstance(scope, cst.Module):
            return head in file.module.definitions
        if head in file.module.bound(scope):
            return True
    return False


def _listener(listener: Listener, file: File) -> Iterator[Change]:
    if not listener.logs and listener.only_collects:
        if isinstance(file.parent(listener.registration), cst.Decorator):
            yield Remove(
                listener.function,
                "the session adds up its usage by itself",
                comments=remarks(listener.function, _ABOUT),
            )
            return
        if _uses(listener.function, file) == 1:
            yield Remove(
                listener.function,
                "the session adds up its usage by itself",
                comments=remarks(listener.function, _ABOUT),
            )
            yield Remove(file.statement(listener.registration), "nothing is left to listen to")
            return
    for statement in listener.collects:
        yield Remove(statement, "the session adds up its usage by itself", comments=remarks(statement, _ABOUT))
    event = listener.registration.args[0].value
    yield Rewrite(event, _renamed_event, '`"metrics_collected"` is now `"session_usage_updated"`')
    yield from _event_type(listener.function, file)
    name = listener.function.name
    if "metrics_collected" in name.value and not _uses(listener.function, file):
        new = name.value.replace("metrics_collected", "session_usage_updated")
        yield Replace(name, lambda updated: updated.with_changes(value=new), "named after its event")
    for statement in listener.logs:
        call = single_call(statement)
        assert call is not None
        logger = _logger(call, file)
        text = f'{logger}.info("usage: %s", {listener.event}.usage.model_usage)'
        yield Replace(call, lambda _, t=text: cst.parse_expression(t), "logs the usage so far")  # type: ignore[misc]
    for shown in listener.shows:
        yield Replace(shown, lambda _: cst.parse_expression(f"{listener.event}.usage"), "shows the usage so far")
    yield Note(
        listener.registration,
        "The listener logs usage now, not each request; latency per turn is on `ChatMessage.metrics` "
        "(`conversation_item_added`).",
    )


def _renamed_event(node: cst.SimpleString) -> cst.SimpleString:
    return node.with_changes(value=node.value.replace("metrics_collected", "session_usage_updated"))


def _event_type(function: cst.FunctionDef, file: File) -> Iterator[Change]:
    for param in function.params.params:
        if param.annotation is None:
            continue
        kind = param.annotation.annotation
        if agents_name(file.project, file.module, kind) in ("MetricsCollectedEvent", "AgentMetrics"):
            spelling = _beside(kind, "SessionUsageUpdatedEvent", file)
            yield Replace(kind, lambda _, s=spelling: cst.parse_expression(s), "the event's type")  # type: ignore[misc]


def _beside(node: cst.BaseExpression, name: str, file: File) -> str:
    """`name`, reached the way `node` reaches its own: `metrics.UsageCollector` → `metrics.ModelUsageCollector`."""
    package = "livekit.agents.metrics" if name.startswith("ModelUsage") else "livekit.agents"
    if isinstance(node, cst.Attribute):
        base = file.full_name(node.value) or ""
        if base == package or base.endswith(".voice"):
            return f"{file.code(node.value)}.{name}"
    return file.use(f"{package}.{name}")


def _logger(call: cst.Call, file: File) -> str:
    """What the listener logged with, else the module's own logger, else the framework's (as `log_metrics` does)."""
    given = find_keyword(call, "logger")
    if given is not None:
        return file.code(given.value)
    imported = {i.local for i in file.module.imports}  # (one of these means something else where it is given anew)
    for name, value in file.module.definitions.items():
        made = isinstance(value, cst.Call) and (dotted(value.func) or "").endswith("getLogger")
        if made and name not in imported and not file.module.is_local(name, call):
            return name
    return file.use("livekit.agents.log.logger")


def _uses(function: cst.FunctionDef, file: File) -> int:
    """How often the function's name stands in its scope, its definition left out."""
    scope = file.enclosing(function, cst.FunctionDef) or file.module.tree
    return sum(1 for n in find(scope, cst.Name) if n.value == function.name.value) - 1


_ABOUT = re.compile(r"metric|usage|collect", re.IGNORECASE)


def _summary(call: cst.Call, new: str, models: str, file: File) -> Iterator[Change]:
    """`collector.get_summary()`, the sums that are read from it, and whoever is handed it."""
    name = assigned_name(file.module, call)
    alone = name is not None and len(namesakes(file.module, call)) == 1
    sums = _named_sums(call, file) if alone else frozenset()
    if sums:
        lines = [cst.parse_statement(f"{f} = {total(f, f'{name}{models}')}") for f in USAGE_FIELDS if f in sums]
        yield Rewrite(
            file.statement(call),
            lambda updated: cst.FlattenSentinel([updated, *lines]),
            "sums that are read repeatedly",
        )
    held = kept(file.project, file.module)
    for expression in expressions(file.module, call):
        spelled = name or new
        if expression in held and all(_field(a, file) is not None for reads in held.values() for a in reads):
            for attribute in held[expression]:
                read = _read(attribute, f"{file.code(attribute)}{models}", file)
                if read is not None:
                    yield read
            continue
        read = _read(expression, f"{spelled}{models}", file, sums)
        if read is not None:
            yield read
            if name is None:
                return
            continue
        question = asked(file.module, expression)
        if question is not None and question[1] in USAGE_FIELDS:
            yield Rewrite(question[0], _without_question, f"every summary had `{question[1]}`")
            continue
        parent = file.parent(expression)
        user = file.parent(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(user, cst.Call) and _is_received(user, parent, file):
            if name is None:
                new = f"{new}{models}"
            elif models:
                yield _replaced(expression, f"{name}{models}", "the usage per model is handed over")
        elif not _is_shown(expression, file):
            yield Todo(
                expression,
                f"`{spelled}` is no flat summary any more but usage per model; the old sums are computed like "
                f"`{total('llm_prompt_tokens', spelled + models)}`.",
            )
    yield _replaced(call, new, f"`get_summary()` is now `{new}`")


def _without_question(updated: cst.If | cst.IfExp) -> cst.CSTNode:
    if isinstance(updated, cst.If):
        behind = updated.body.header.comment if isinstance(updated.body, cst.IndentedBlock) else None
        above = [cst.EmptyLine(comment=behind)] if behind is not None else []
        return cast(cst.CSTNode, dedented(updated.body, [*updated.leading_lines, *above]))
    body = updated.body
    return body.with_changes(lpar=[*updated.lpar, *body.lpar], rpar=[*body.rpar, *updated.rpar])


def _replaced(node: cst.CSTNode, text: str, message: str) -> Change:
    return Replace(node, lambda _: cst.parse_expression(text), message)


def _named_sums(call: cst.Call, file: File) -> frozenset[str]:
    """The fields of a summary that are read more than once, and can have a variable of that name."""
    found = [place[1] for e in expressions(file.module, call) if (place := _field(e, file)) is not None]
    scope = file.enclosing(call, cst.FunctionDef) or file.module.tree
    return frozenset(f for f in found if found.count(f) > 1 and is_free(file.module, scope, f))


def _read(expression: cst.BaseExpression, usages: str, file: File, sums: frozenset[str] = frozenset()) -> Change | None:
    """What a field of the summary is now: the sum over the models, or the variable that holds it."""
    place = _field(expression, file)
    if place is None:
        return None
    node, field = place
    text = field if field in sums else total(field, usages, quote(file, node))
    return _replaced(node, text, f"`{field}` is now a sum over the models")


def _field(expression: cst.BaseExpression, file: File) -> tuple[cst.BaseExpression, str] | None:
    """`summary.llm_prompt_tokens`, `getattr(summary, "llm_prompt_tokens", 0)`: the node, and the field."""
    parent = file.parent(expression)
    node: cst.BaseExpression
    if isinstance(parent, cst.Attribute) and parent.value is expression:
        node, field = parent, parent.attr.value
    else:
        call = file.parent(parent) if isinstance(parent, cst.Arg) else None
        if not (isinstance(call, cst.Call) and dotted(call.func) == "getattr" and len(call.args) > 1):
            return None
        text = call.args[1].value
        if call.args[0].value is not expression or not isinstance(text, cst.SimpleString):
            return None
        node, field = call, str(string_value(text))
    return (node, field) if field in USAGE_FIELDS else None


_SHOWS = frozenset({"print", "str", "repr", "format", "debug", "info", "warning", "error", "log", "pprint"})


def _is_shown(expression: cst.BaseExpression, file: File) -> bool:
    """Whether it only ends in a text (or nowhere)."""
    for ancestor in file.module.index.ancestors(expression):
        if isinstance(ancestor, (cst.FormattedStringExpression, cst.Expr)):
            return True
        if isinstance(ancestor, cst.Call):
            return (dotted(ancestor.func) or "").rpartition(".")[2] in _SHOWS
        if isinstance(ancestor, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            return isinstance(ancestor, (cst.If, cst.While)) or (
                isinstance(ancestor, cst.Assign) and assigned_name(file.module, expression) is not None  # type: ignore[arg-type]
            )
    return False


def _is_received(call: cst.Call, arg: cst.CSTNode | None, file: File) -> bool:
    return any(arg in r.arguments for r in file.project.fact(receivers).values())


def _received(file: File) -> Iterator[Change]:
    """The functions of this file that are handed the summary: their parameter is the list of usages now."""
    known = file.project.fact(receivers)
    for function in file.module.index.of(cst.FunctionDef):
        if function not in known:
            continue
        name = known[function].param
        for use in find(function.body, cst.Name):
            parent = file.parent(use)
            is_label = (isinstance(parent, cst.Attribute) and parent.attr is use) or (
                isinstance(parent, cst.Arg) and parent.keyword is use
            )
            if use.value != name or is_label:
                continue
            read = _read(use, name, file)
            if read is not None:
                yield read
            elif not _is_shown(use, file):
                yield Todo(
                    use,
                    f"`{name}` is no flat summary any more but a list of usage per model; the old sums are computed "
                    f"like `{total('llm_prompt_tokens', name)}`.",
                )
        for param in find(function.params, cst.Param):
            if param.name.value == name and param.annotation is not None and _says_summary(param.annotation, file):
                kind = _beside(param.annotation.annotation, "ModelUsage", file)
                yield _replaced(param.annotation.annotation, f"list[{kind}]", "the usage per model is handed over")


def _handed_collectors(file: File) -> Iterator[Change]:
    """`collector.get_summary()` on a parameter that is annotated as a `UsageCollector`."""
    for function in file.module.index.of(cst.FunctionDef):
        for param in find(function.params, cst.Param):
            if param.annotation is None or not _says_collector(param.annotation, file):
                continue
            asked = f"{param.name.value}.get_summary"
            for call in find(function.body, cst.Call):
                if dotted(call.func) == asked:
                    yield from _summary(call, f"{param.name.value}.flatten()", "", file)


def _says_collector(annotation: cst.Annotation, file: File) -> bool:
    """`UsageCollector`, also in `Optional[…]` and `… | None`."""
    names = (*find(annotation, cst.Name), *find(annotation, cst.Attribute))
    return any(agents_name(file.project, file.module, name) == "UsageCollector" for name in names)


def _says_summary(annotation: cst.Annotation, file: File) -> bool:
    return agents_name(file.project, file.module, annotation.annotation) == "UsageSummary"


@rule.on(cst.Name, cst.Attribute, among=called_so("UsageSummary", "UsageCollector"))
def annotation(node: cst.Name | cst.Attribute, file: File) -> Iterator[Change]:
    """`UsageSummary` and `UsageCollector` in annotations."""
    if (dotted(node) or "").rpartition(".")[2] not in ("UsageSummary", "UsageCollector"):
        return
    if file.enclosing(node, cst.Annotation) is None or isinstance(file.parent(node), cst.Attribute):
        return
    param, function = file.enclosing(node, cst.Param), file.enclosing(node, cst.FunctionDef)
    receiver = file.project.fact(receivers).get(function) if function is not None else None
    if receiver is not None and param is not None and param.name.value == receiver.param:
        return
    old = agents_name(file.project, file.module, node)
    if old == "UsageCollector":
        spelling = _beside(node, "ModelUsageCollector", file)
        yield Replace(node, lambda _: cst.parse_expression(spelling), "`UsageCollector` is now `ModelUsageCollector`")
    elif old == "UsageSummary":
        yield Todo(node, "`UsageSummary` is deprecated: say `metrics.AgentSessionUsage` (a list of per-model usage).")
