"""Pins that livekit-agents 1.8 cannot be installed with are raised or reported.

livekit-agents 1.8.9 asks for `livekit==1.1.21`, livekit-plugins-openai 1.8.9 for `openai>=3.28,<4`: with
`openai==1.54.0` beside them pip finds no solution. `livekit`, `livekit-api`, `livekit-protocol` and `openai` are
raised; what else collides with the metadata of livekit-agents 1.8.9 (`aiohttp<3.10`, `pydantic<2`, …) is left to the
person, whose own code it concerns.
"""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule

rule = Rule("LK404", Edition.V1, __doc__, since="1.8.9", safety=Safety.REVIEW)
