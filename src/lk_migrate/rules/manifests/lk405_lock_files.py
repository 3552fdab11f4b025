"""Lock files that hold an older LiveKit are reported with the command that refreshes them.

Only the tool that wrote a lock file can resolve it again: `poetry lock`, `uv lock`, `pipenv lock`, `pdm lock`, or what
the header of a compiled requirements file says. They are never edited.
"""

from __future__ import annotations

from lk_migrate.model import Edition, Safety
from lk_migrate.rules.registry import Rule

rule = Rule("LK405", Edition.V1, __doc__, since="1.8.9", safety=Safety.REVIEW)
