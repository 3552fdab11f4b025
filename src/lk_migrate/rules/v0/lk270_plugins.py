"""Arguments and constructors of plugins that were renamed or removed between 0.12 and 1.8.

Each of them raises TypeError, AttributeError or ValueError when the plugin is constructed with today's release.
Default models changed, too; a model is pinned only where the old default is needed to run at all.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import foreign
from lk_migrate.facts.comments import comments_of
from lk_migrate.facts.gate_sessions import values_of
from lk_migrate.facts.imports import dotted
from lk_migrate.facts.literals import text_of
from lk_migrate.facts.plugin_options import MOVED_CONSTRUCTORS, PLUGIN_OPTIONS
from lk_migrate.facts.variables import binding_of, uses
from lk_migrate.facts.walk import find
from lk_migrate.model import Action, Edition, Safety
from lk_migrate.rewrite.arguments import (
    find_keyword,
    keyword,
    keyword_arg,
    of_call,
    shifted,
    to_call,
    with_keyword,
    without_keywords,
)
from lk_migrate.rewrite.blocks import gap
from lk_migrate.rewrite.changes import Change, Note, Replace, Rewrite, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule
from lk_migrate.rules.renamed_keyword import renamed_keyword

rule = Rule(
    "LK270",
    Edition.V0,
    __doc__,
    triggers=(b"livekit.plugins",),
    since="1.0.0",
    safety=Safety.REVIEW,
)

_P = "livekit.plugins."


@rule.on(cst.Call, among=foreign)
def constructor(call: cst.Call, file: File) -> Iterator[Change]:
    """Renamed, dropped and unclear arguments."""
    name = file.full_name(call.func) or ""
    options = PLUGIN_OPTIONS.get(name)
    if options is None:
        return
    for arg in call.args:
        new = options.renamed.get(keyword(arg))
        if new is not None:
            yield from renamed_keyword(call, arg, new)
        elif keyword(arg) in options.unclear:
            yield Todo(arg, f"`{keyword(arg)}=` is gone: {options.unclear[keyword(arg)]}.")
    gone = [keyword(a) for a in call.args if keyword(a) in options.dropped]
    if gone:
        yield Rewrite(
            call,
            lambda updated: without_keywords(updated, lambda a: keyword(a) in options.dropped),
            ", ".join(f"`{g}=`" for g in gone) + " does not exist any more",
            Action.REMOVED,
        )


@rule.on(cst.Call, among=foreign)
def moved(call: cst.Call, file: File) -> Iterator[Change]:
    """`openai.LLM.with_groq(…)` → `groq.LLM(…)`."""
    found = MOVED_CONSTRUCTORS.get(file.full_name(call.func) or "")
    if found is None:
        return
    module, cls, extra = found
    spelling = f"{file.use(module)}.{cls}"

    def apply(updated: cst.Call) -> cst.Call:
        changed = updated.with_changes(func=cst.parse_expression(spelling))
        if not extra:
            return changed
        renamed = [
            a.with_changes(keyword=cst.Name("project")) if keyword(a) == "project_id" else a for a in changed.args
        ]
        changed = changed.with_changes(args=renamed)
        return to_call(changed, of_call(changed).appended(keyword_arg(extra, cst.Name("True"))))

    yield Rewrite(call, apply, f"`{file.code(call.func)}` is `{spelling}` now")
    if module.endswith(".groq"):
        yield Note(call, "This needs the package `livekit-plugins-groq`.")


@rule.on(cst.Call, among=foreign)
def keywords_of_deepgram(call: cst.Call, file: File) -> Iterator[Change]:
    """`deepgram.STT(keywords=…)` without a model: the default, nova-3, refuses keywords."""
    if file.full_name(call.func) == f"{_P}deepgram.STT" and find_keyword(call, "keywords") is not None:
        yield from _pinned(call, "nova-2-general", "`keywords=` needs a nova-2 model: nova-3, the default now")


@rule.on(cst.Call, among=foreign)
def speaker_of_sarvam(call: cst.Call, file: File) -> Iterator[Change]:
    """`sarvam.TTS(speaker="anushka")` without a model: the default, bulbul:v3, has other speakers."""
    if file.full_name(call.func) != f"{_P}sarvam.TTS":
        return
    speaker = find_keyword(call, "speaker")
    if speaker is not None and (text_of(speaker.value) or "").lower() in _OF_BULBUL_2:
        yield from _pinned(call, "bulbul:v2", "its speaker is of bulbul:v2: bulbul:v3, the default now")


#: The speakers of the model that was the default (livekit-plugins-sarvam 1.8.9, models.py).
_OF_BULBUL_2 = frozenset({"anushka", "manisha", "vidya", "arya", "abhilash", "karun", "hitesh"})


def _pinned(call: cst.Call, model: str, why: str) -> Iterator[Change]:
    """The model that was the default, where the call leaves it to that."""
    if find_keyword(call, "model") is None and not any(a.star or not keyword(a) for a in call.args):
        yield Rewrite(
            call,
            lambda updated: with_keyword(updated, "model", cst.SimpleString(f'"{model}"')),
            f"{why}, raises ValueError",
        )


@rule.on(cst.Call, among=foreign)
def elevenlabs_voice(call: cst.Call, file: File) -> Iterator[Change]:
    """`elevenlabs.TTS(voice=elevenlabs.Voice(id=, settings=))` → `voice_id=`, `voice_settings=`."""
    if file.full_name(call.func) != f"{_P}elevenlabs.TTS":
        return
    arg = next((a for a in call.args if keyword(a) == "voice"), None)
    if arg is None:
        return
    kept = _kept_voice(arg.value, file)
    if find_keyword(call, "voice_id") is not None:
        yield Todo(call, "`voice=` is gone, and `voice_id=` is given, too: keep the one that is meant.")
    elif _is_voice(arg.value, file):
        yield Rewrite(call, _with_voice_id, "`voice=` is `voice_id=` and `voice_settings=` now")
    elif kept is not None:
        line, voice = kept
        yield Rewrite(
            call,
            lambda updated: _with_voice_id(updated, voice),
            "`voice=` is `voice_id=` and `voice_settings=` now",
        )
        remarks = [cst.EmptyLine(comment=cst.Comment(text)) for text in comments_of(voice)]
        yield Replace(
            line,
            lambda _: gap([*line.leading_lines, *remarks]),
            "the voice's id and settings are arguments of the TTS",
            Action.REMOVED,
        )
    elif (file.full_name(arg.value) or "").endswith(".DEFAULT_VOICE"):
        yield Rewrite(call, lambda updated: without_keywords(updated, lambda a: keyword(a) == "voice"), "the default")
    elif _is_id(arg.value, file):
        renamed = arg.keyword
        assert renamed is not None
        yield Rewrite(renamed, lambda _: cst.Name("voice_id"), "a voice's id is `voice_id=`")
    else:
        yield Todo(call, "`voice=` is `voice_id=` and `voice_settings=` now: give the voice's id and its settings.")


def _is_id(value: cst.BaseExpression, file: File) -> bool:
    """A text, what is called an id, or what a text stands in for: `voice_of(call) or "EXAVITQu4vr4xnSDxMaL"`."""
    if isinstance(value, cst.BooleanOperation) and isinstance(value.operator, cst.Or):
        return any(_is_id(v, file) for v in (value.left, value.right))
    if isinstance(value, cst.IfExp):
        return any(_is_id(v, file) for v in (value.body, value.orelse))
    return _is_text(value, file) or _is_called_id(value)


def _is_text(value: cst.BaseExpression, file: File) -> bool:
    """A text, or one of the environment's, or a variable of the function or the module that is nothing else."""
    if isinstance(value, cst.Name):
        owner = binding_of(file.module, value).owner
        if isinstance(owner, cst.Module):
            value = file.module.definitions.get(value.value, value)  # type: ignore[assignment]
        elif isinstance(owner, cst.FunctionDef) and value.value in {
            p.name.value for p in find(owner.params, cst.Param)
        }:
            return False
    return all(
        isinstance(v, (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString))
        or (isinstance(v, cst.Call) and file.full_name(v.func) in _ENVIRONMENT)
        or (isinstance(v, cst.Subscript) and file.full_name(v.value) == "os.environ")
        or _is_text_or_default(v)
        for v in values_of(file.module, value)
    )


def _is_text_or_default(value: cst.BaseExpression) -> bool:
    """`config.get("voice", "EXAVITQu4vr4xnSDxMaL")`: what stands there is a text, too."""
    return (
        isinstance(value, cst.Call)
        and isinstance(value.func, cst.Attribute)
        and value.func.attr.value == "get"
        and len(value.args) == 2
        and bool(text_of(value.args[1].value))
    )


def _is_called_id(value: cst.BaseExpression) -> bool:
    """`voice_id`, `settings.elevenlabs_voice_id`: nobody calls a `Voice` so."""
    return (dotted(value) or "").rpartition(".")[2].lower().endswith("voice_id")


_ENVIRONMENT = frozenset({"os.getenv", "os.environ.get"})


def _is_voice(value: cst.BaseExpression, file: File) -> bool:
    name = file.full_name(value.func) if isinstance(value, cst.Call) else None
    return name is not None and name.startswith(f"{_P}elevenlabs.") and name.endswith(".Voice")


def _kept_voice(value: cst.BaseExpression, file: File) -> tuple[cst.SimpleStatementLine, cst.Call] | None:
    """`calm = elevenlabs.Voice(…)` in the same block, if nothing else asks for `calm`."""
    if not isinstance(value, cst.Name):
        return None
    others = [n for n in uses(file.module, binding_of(file.module, value)) if n is not value]
    assign = file.parent(file.parent(others[0])) if len(others) == 1 else None  # type: ignore[arg-type]
    line = file.parent(assign) if isinstance(assign, cst.Assign) else None
    if not isinstance(line, cst.SimpleStatementLine) or len(line.body) != 1 or len(assign.targets) != 1:  # type: ignore[union-attr]
        return None
    same = file.parent(line) is file.parent(file.statement(value))
    voice = assign.value  # type: ignore[union-attr]
    return (line, voice) if same and isinstance(voice, cst.Call) and _is_voice(voice, file) else None


@rule.on(cst.Call, among=foreign)
def voice_with_settings(call: cst.Call, file: File) -> Iterator[Change]:
    """`elevenlabs.Voice(…, settings=…)` that stands somewhere else."""
    if not _is_voice(call, file) or not any(keyword(a) == "settings" for a in call.args):
        return
    parent = file.parent(call)
    if isinstance(parent, cst.Arg) and keyword(parent) == "voice":
        return
    target = parent.targets[0].target if isinstance(parent, cst.Assign) and len(parent.targets) == 1 else None
    if isinstance(target, cst.Name):
        for use in uses(file.module, binding_of(file.module, target)):
            arg = file.parent(use)
            if isinstance(arg, cst.Arg) and keyword(arg) == "voice" and _kept_voice(use, file) is not None:
                return
    yield Todo(call, "a `Voice` has no `settings=` now: they are `voice_settings=` of the TTS.")


def _with_voice_id(updated: cst.Call, made: cst.Call | None = None) -> cst.Call:
    """`made`: the voice, where the argument only names it."""
    brackets = of_call(updated)
    place = next(i for i, a in enumerate(brackets.items) if keyword(a) == "voice")
    voice = made or brackets.items[place].value
    assert isinstance(voice, cst.Call)
    given = {keyword(a): a.value for a in voice.args}
    positional = [a.value for a in voice.args if not keyword(a)]
    identity = given.get("id") or (positional[0] if positional else cst.SimpleString('""'))
    brackets = brackets.with_item(place, keyword_arg("voice_id", identity))
    result = to_call(updated, brackets)
    settings = given.get("settings")
    if settings is not None:
        stood = next(gap for gap, a in zip(of_call(voice).gaps, voice.args, strict=False) if keyword(a) == "settings")
        settings = shifted(settings, _further(brackets.gaps[place], stood))
        result = to_call(result, of_call(result).appended(keyword_arg("voice_settings", settings)))
    return result


def _further(here: cst.BaseParenthesizableWhitespace, there: cst.BaseParenthesizableWhitespace) -> int:
    """By how much what begins a line `there` moves to begin one `here`."""
    if not isinstance(here, cst.ParenthesizedWhitespace) or not isinstance(there, cst.ParenthesizedWhitespace):
        return 0
    return len(here.last_line.value) - len(there.last_line.value)


@rule.on(cst.Attribute, among=foreign)
def default_voice(node: cst.Attribute, file: File) -> Iterator[Change]:
    """`elevenlabs.DEFAULT_VOICE.id`."""
    name = file.full_name(node) or ""
    if name == f"{_P}elevenlabs.DEFAULT_VOICE.id":
        base = dotted(node.value) or ""
        spelling = base.replace("DEFAULT_VOICE", "tts.DEFAULT_VOICE_ID")
        yield Rewrite(node, lambda _: cst.parse_expression(spelling), "it is `DEFAULT_VOICE_ID` now")


@rule.on(cst.Call, among=foreign)
def filters(call: cst.Call, file: File) -> Iterator[Change]:
    """`deepgram.AudioEnergyFilter()` that stands somewhere else."""
    name = file.full_name(call.func) or ""
    if name == f"{_P}deepgram.AudioEnergyFilter":
        parent = file.parent(call)
        if not (isinstance(parent, cst.Arg) and keyword(parent) == "energy_filter"):
            yield Todo(call, "`AudioEnergyFilter` is gone: the VAD of the session keeps silence from the STT.")
    elif name.startswith(f"{_P}openai.beta."):
        yield Todo(call, "the Assistants API is gone: use `openai.responses.LLM`, or an Agent's `llm_node`.")


@rule.on(cst.Call, among=foreign)
def silero_constructor(call: cst.Call, file: File) -> Iterator[Change]:
    """`silero.VAD()` of 0.7 is `silero.VAD.load()`."""
    if file.full_name(call.func) == f"{_P}silero.VAD" and not call.args:
        yield Rewrite(
            call,
            lambda updated: updated.with_changes(func=cst.Attribute(updated.func, cst.Name("load"))),
            "the VAD is made by `load()`",
        )
