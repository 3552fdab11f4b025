"""Pins of livekit-agents and its plugins go to the 1.8 line.

The converted code is written for 1.8 and does not run on older releases. Since 1.0 the plugins share the framework's
version number (before, each counted its own 0.x versions). The style stays: `~=1.2` becomes `~=1.8`, `==1.2.3`
`==1.8.9`, `>=1.2,<1.3` `>=1.8,<1.9`, `^0.12` `^1.8`; a package without a version stays without. Plugins with version
numbers of their own (noise-cancellation, krisp, ai-coustics, browser) are left as they are.
"""

from __future__ import annotations

from lk_migrate.model import Edition
from lk_migrate.rules.registry import Rule

rule = Rule("LK401", Edition.V1, __doc__, since="1.0.0")
