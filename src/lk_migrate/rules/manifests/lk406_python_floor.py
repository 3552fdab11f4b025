"""A Python below 3.10 is raised or reported.

livekit-agents 1.8.9 runs on Python >=3.10,<3.15. `requires-python`, `python_requires` and Poetry's `python` are
rewritten, for Poetry with the upper end, since it resolves for every Python that the project allows. An interpreter
that is named (a Dockerfile's image, `.python-version`, `runtime.txt`) is left to the person.
"""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule

rule = Rule("LK406", Edition.V1, __doc__, since="1.8.9", safety=Safety.REVIEW)
