"""LiveKit packages that the converted code imports and no manifest names are added.

A hand-rolled project has no `livekit-agents` yet; `openai.LLM.with_groq()` becomes `groq.LLM()`, which is another
package; MCP servers need the extra `mcp`. A new one is written as its neighbours are: as an extra, or as a package of
its own with their kind of pin.
"""

from __future__ import annotations

from lk_migrate.model import Edition
from lk_migrate.rules.registry import Rule

rule = Rule("LK403", Edition.V1, __doc__, since="1.0.0")
