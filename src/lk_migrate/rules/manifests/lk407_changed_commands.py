"""Commands that start an agent and no longer mean what they did are reported.

`--asyncio-debug`, `--watch` and `--no-watch` are gone; `dev` runs without reloading (1.6.0) and is deprecated (1.6.8)
for `lk agent dev`; `download-files` of a script is deprecated (1.5.10) for `python -m livekit.agents download-files`.
Makefiles, Procfiles, compose files, Dockerfiles, scripts and documents are reported with file and line, not edited.
"""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule

rule = Rule("LK407", Edition.V1, __doc__, since="1.6.0", safety=Safety.REVIEW)
