"""Arguments that a plugin's constructor, an adapter or a request to the server does not take.

Some were taken out, others never existed (`openai.STT(langguage=…)`, `silero.VAD.load(threshold=…)`,
`api.ListRoomsRequest(limit=…)`): a TypeError, or a request's ValueError, when the line is reached. What was meant is
for a person to say. Old names that have a new one are LK270's.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.among import foreign
from lk_migrate.facts.constructor_keywords import constructor_keywords
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.plugin_addresses import todays_address
from lk_migrate.facts.plugin_options import MOVED_CONSTRUCTORS, PLUGIN_OPTIONS, Options
from lk_migrate.facts.public_names import GUESSED_REQUESTS, closest
from lk_migrate.model import Edition
from lk_migrate.rewrite.arguments import keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK271",
    Edition.V0,
    __doc__,
    triggers=(b"livekit.plugins", b"livekit.agents", b"livekit.api", b"import api"),
    since="1.0.0",
    paths=where_livekit_is_imported,
)

#: Arguments that a rule of their own looks at (LK270, LK322, LK328).
_HAVE_A_RULE = {
    "livekit.agents.tts.FallbackAdapter": frozenset(
        {"attempt_timeout", "no_fallback_after_audio_duration", "retry_interval"}
    ),
    "livekit.plugins.elevenlabs.TTS": frozenset({"voice"}),
    "livekit.plugins.deepgram.STT": frozenset({"keyterms"}),
    "livekit.plugins.deepgram.STTv2": frozenset({"keyterms"}),
    "livekit.plugins.openai.LLM.with_vertex": frozenset({"project_id"}),
}
#: What people give to a model that is an Agent's.
_AGENTS_OWN = {
    **dict.fromkeys(("system_prompt", "system_instruction", "system_instructions", "instructions"), "instructions"),
    **dict.fromkeys(("function_context", "functions", "fnc_ctx", "tools"), "tools"),
}
#: Fields of the settings that another argument takes (livekit-plugins-elevenlabs 1.8.9).
_SETTINGS = {
    "livekit.plugins.elevenlabs.TTS": (
        "voice_settings=elevenlabs.VoiceSettings(…)",
        frozenset({"similarity_boost", "speed", "stability", "style", "use_speaker_boost"}),
    )
}


@rule.on(cst.Call, among=foreign)
def arguments(call: cst.Call, file: File) -> Iterator[Change]:
    """One marker per call, naming every argument."""
    named = [name for name in map(keyword, call.args) if name]
    if not named:
        return
    old = file.full_name(call.func) or ""
    name = _today(old)
    taken = constructor_keywords().get(name)
    if taken is None:
        return
    elsewhere = _with_a_rule(old) | _with_a_rule(name)
    wrong = [each for each in named if each not in taken and each not in elsewhere]
    if wrong:
        said = "; ".join(f"`{each}=` is no argument of `{_short(name)}`{_instead(name, each)}" for each in wrong)
        yield Todo(call, f"{said}.")


def _with_a_rule(name: str) -> set[str]:
    known = PLUGIN_OPTIONS.get(name, Options())
    return {*known.renamed, *known.dropped, *known.unclear, *_HAVE_A_RULE.get(name, ())}


def _today(name: str) -> str:
    """What a constructor is called once the rules have been here."""
    module, cls, _ = MOVED_CONSTRUCTORS.get(name, ("", "", ""))
    return f"{module}.{cls}" if module else GUESSED_REQUESTS.get(name) or todays_address(name)


def _short(name: str) -> str:
    """`openai.STT` of `livekit.plugins.openai.STT`."""
    return name.removeprefix("livekit.").removeprefix("plugins.").removeprefix("agents.")


def _instead(name: str, given: str) -> str:
    """What to write, as far as that can be told: `` (`language`?)``."""
    loaded = f"{name}.load"
    if given in constructor_keywords().get(loaded, ()):
        return f": it is one of `{_short(loaded)}`"
    settings, fields = _SETTINGS.get(name, ("", frozenset()))
    if given in fields:
        return f": it is one of `{settings}`"
    near = closest(given, constructor_keywords()[name])
    if not near and given in _AGENTS_OWN and name.endswith(("LLM", "RealtimeModel")):
        return f": it is the Agent's, `Agent({_AGENTS_OWN[given]}=…)`"
    return near
