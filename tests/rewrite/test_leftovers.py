"""The last phase: imports of what is gone are taken out when nothing uses them, and marked once when something does."""

from __future__ import annotations

from lk_migrate.facts.project import Project
from lk_migrate.rewrite.engine import convert_file
from lk_migrate.rules.registry import select_rules


def converted(text: str) -> str:
    result = convert_file("main.py", Project({"main.py": text.encode()}), select_rules(("LK201",)))
    assert result.skipped is None
    return text if result.change is None or result.change.after is None else result.change.after.decode()


def test_an_unused_import_of_a_gone_module_goes_and_its_comment_stays() -> None:
    text = "import os\n# the agent\nfrom livekit.agents.pipeline import VoicePipelineAgent\n\nprint(os.name)\n"
    assert converted(text) == "import os\n# the agent\n\nprint(os.name)\n"


def test_a_used_one_is_marked_at_its_import_and_its_use_and_no_more_later() -> None:
    text = "from livekit.agents.transcription import STTSegmentsForwarder\n\nSTTSegmentsForwarder()\n"
    once = converted(text)
    assert [line.startswith("# TODO(lk-migrate LK201)") for line in once.splitlines()].count(True) == 2
    assert converted(once) == once


def test_one_marker_names_all_that_an_import_asks_for_in_vain_and_a_reason_once() -> None:
    text = (
        "from livekit.agents.transcription import STTSegmentsForwarder, TTSSegmentsForwarder\n"
        "from livekit.agents.tts import SynthesisEvent, SynthesisEventType\n\n"
        "x = STTSegmentsForwarder, TTSSegmentsForwarder, SynthesisEvent, SynthesisEventType\n"
    )
    lines = converted(text).splitlines()
    above = " ".join(line.lstrip("# ") for line in lines[: lines.index(text.splitlines()[1])])
    assert "`livekit.agents.tts.SynthesisEvent` is gone" in above
    assert "; `livekit.agents.tts.SynthesisEventType` is gone." in above
    assert above.count("without event types") == 1
    assert converted("\n".join(lines) + "\n").splitlines() == lines


def test_a_projects_own_livekit_folder_is_left_alone() -> None:
    text = b"from livekit.agents.pipeline import VoicePipelineAgent\n"
    files = {"main.py": text, "livekit/agents/pipeline.py": b"class VoicePipelineAgent: ...\n"}
    assert convert_file("main.py", Project(files), select_rules(("LK201",))).change is None
