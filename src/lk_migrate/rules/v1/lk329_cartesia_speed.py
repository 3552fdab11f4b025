"""`cartesia.TTS(speed="fast")` names a speed that the plugin's model takes as a number.

The plugin's own model is sonic-3 today (it was sonic-2 in 1.2), and for that one `speed` is a number from 0.6 to 2.0: a
word raises a ValueError when the voice is made. Which number a word stood for nobody says.
"""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from lk_migrate.facts.framework import library_name
from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.model import Edition, Safety
from lk_migrate.rewrite.arguments import find_keyword
from lk_migrate.rewrite.changes import Change, Todo
from lk_migrate.rewrite.file import File
from lk_migrate.rules.registry import Rule

rule = Rule(
    "LK329", Edition.V1, __doc__, safety=Safety.REVIEW, triggers=(b"cartesia",), paths=where_livekit_is_imported
)


@rule.on(cst.Call)
def word_for_a_speed(call: cst.Call, file: File) -> Iterator[Change]:
    speed, model = find_keyword(call, "speed"), find_keyword(call, "model")
    if speed is None or not isinstance(speed.value, cst.SimpleString):
        return
    if library_name(file.project, file.module, call.func) != "livekit.plugins.cartesia.TTS":
        return
    if model is None:
        if call.args[0].keyword is not None and not any(a.star for a in call.args):
            yield Todo(
                call,
                f"`speed={speed.value.value}` fails with the plugin's model of today, sonic-3: say a number from 0.6 "
                'to 2.0, or keep the word with `model="sonic-2"`.',
            )
    elif isinstance(model.value, cst.SimpleString) and model.value.raw_value.startswith("sonic-3"):
        yield Todo(call, f"`speed={speed.value.value}` fails: sonic-3 takes a number from 0.6 to 2.0.")
