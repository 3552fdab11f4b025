"""Where each field of `RoomInputOptions` and `RoomOutputOptions` stands in `room_io.RoomOptions` (LK305).

Checked on 1.8.9 (`livekit/agents/voice/room_io/types.py`, `RoomOptions._create_from_legacy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from lk_migrate.facts.imports import dotted
from lk_migrate.rewrite.layout import Entry, code

#: old field → (field of RoomOptions, class of its value, field in there)
_INPUT = {
    "text_input_cb": ("text_input", "TextInputOptions", "text_input_cb"),
    "audio_sample_rate": ("audio_input", "AudioInputOptions", "sample_rate"),
    "audio_num_channels": ("audio_input", "AudioInputOptions", "num_channels"),
    "audio_frame_size_ms": ("audio_input", "AudioInputOptions", "frame_size_ms"),
    "noise_cancellation": ("audio_input", "AudioInputOptions", "noise_cancellation"),
    "pre_connect_audio": ("audio_input", "AudioInputOptions", "pre_connect_audio"),
    "pre_connect_audio_timeout": ("audio_input", "AudioInputOptions", "pre_connect_audio_timeout"),
    # Never a field of RoomInputOptions (a TypeError there), but one of today's AudioInputOptions.
    "auto_gain_control": ("audio_input", "AudioInputOptions", "auto_gain_control"),
}
_OUTPUT = {
    "audio_sample_rate": ("audio_output", "AudioOutputOptions", "sample_rate"),
    "audio_num_channels": ("audio_output", "AudioOutputOptions", "num_channels"),
    "audio_publish_options": ("audio_output", "AudioOutputOptions", "track_publish_options"),
    "audio_track_name": ("audio_output", "AudioOutputOptions", "track_name"),
    "sync_transcription": ("text_output", "TextOutputOptions", "sync_transcription"),
    "transcription_speed_factor": ("text_output", "TextOutputOptions", "transcription_speed_factor"),
}
#: The switches: they turn a whole field on or off.
_INPUT_SWITCHES = {"text_enabled": "text_input", "audio_enabled": "audio_input", "video_enabled": "video_input"}
_OUTPUT_SWITCHES = {"transcription_enabled": "text_output", "audio_enabled": "audio_output"}
_SAME = ("participant_kinds", "participant_identity", "close_on_disconnect", "delete_room_on_close")
ORDER = ("text_input", "audio_input", "video_input", "audio_output", "text_output", *_SAME)


@dataclass(frozen=True)
class Fields:
    """The two tables of one old class."""

    nested: dict[str, tuple[str, str, str]]
    switches: dict[str, str]
    same: tuple[str, ...]


FIELDS = {
    "RoomInputOptions": Fields(_INPUT, _INPUT_SWITCHES, _SAME),
    "RoomOutputOptions": Fields(_OUTPUT, _OUTPUT_SWITCHES, ()),
}


def unknown_fields(old_class: str, names: Sequence[str]) -> list[str]:
    """Keywords that the old class never had."""
    fields = FIELDS[old_class]
    return [n for n in names if n not in fields.nested and n not in fields.switches and n not in fields.same]


def room_entries(old_class: str, given: Sequence[Entry], room_io: str) -> tuple[Entry, ...]:
    """The arguments of `RoomOptions(...)` for those of the old class. `room_io`: how that module is spelled."""
    fields = FIELDS[old_class]
    groups: dict[str, list[Entry]] = {}
    switches: dict[str, Entry] = {}
    found: dict[str, Entry] = {}
    for entry in given:
        if entry.key in fields.same:
            found[entry.key] = entry
        elif entry.key in fields.switches:
            switches[fields.switches[entry.key]] = entry
        elif entry.key in fields.nested:
            target, _, name = fields.nested[entry.key]
            groups.setdefault(target, []).append(Entry(name, entry.value, comments=entry.comments, column=entry.column))
    for target in {**groups, **switches}:
        group, switch = groups.get(target), switches.get(target)
        on = dotted(switch.value) if switch is not None and switch.value is not None else None
        if group is None or (switch is not None and on == "False"):
            assert switch is not None
            found[target] = Entry(target, switch.value, comments=switch.comments, column=switch.column)
            continue
        options = f"{room_io}.{next(c for t, c, _ in fields.nested.values() if t == target)}"
        if switch is None or on == "True":
            entries = tuple(group)
            if switch is not None and switch.comments:
                entries = (_with_comments(entries[0], switch), *entries[1:])
            found[target] = Entry(target, entries=entries, call=options)
            continue
        assert switch.value is not None
        inner = ", ".join(f"{e.key}={code(e.value)}" for e in group if e.value is not None)
        text = f"{options}({inner}) if {code(switch.value)} else False"
        found[target] = Entry(target, cst.parse_expression(text), comments=switch.comments)
    return tuple(found[name] for name in ORDER if name in found)


def _with_comments(entry: Entry, switch: Entry) -> Entry:
    above = (*switch.comments.above, *([switch.comments.behind] if switch.comments.behind else []))
    comments = type(entry.comments)((*above, *entry.comments.above), entry.comments.behind)
    return Entry(entry.key, entry.value, comments=comments, column=entry.column)


def lost_fields(old_class: str, given: Sequence[Entry]) -> list[str]:
    """Fields without effect because their switch is the literal False."""
    fields = FIELDS[old_class]
    off = {
        fields.switches[e.key]
        for e in given
        if e.key in fields.switches and e.value is not None and dotted(e.value) == "False"
    }
    return [e.key for e in given if e.key in fields.nested and fields.nested[e.key][0] in off]
