"""Plugins without a 1.8 release, and the unused turn detector, are taken out.

`livekit-plugins-playai` (last release 1.2.15), `-llama-index` (0.2.4), `-rag` (1.0.13) and `-playht` have no release
for the target; `livekit-plugins-turn-detector` is deprecated since 1.6.1, `livekit.agents.inference.TurnDetector` is
part of core. A requirement is taken out only when the converted code does not import it; what is still imported is
left, with a finding.
"""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule

rule = Rule("LK402", Edition.V1, __doc__, since="1.6.1", safety=Safety.REVIEW)
