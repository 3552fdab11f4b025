"""Every line of a manifest is accounted for, too."""

from __future__ import annotations

from lk_migrate.manifests.ledger import manifest_ledger
from lk_migrate.model import Fate
from lk_migrate.plan import ConvertOptions, make_plan

MAIN = b"from livekit.agents import Agent\n\n\nclass Desk(Agent):\n    pass\n"
REQUIREMENTS = b"""# what it needs
livekit-agents[openai]~=0.12
livekit-plugins-turn-detector~=1.2  # unused

httpx==0.27
"""


def test_each_line_once_with_its_rule() -> None:
    plan = make_plan({"main.py": MAIN, "requirements.txt": REQUIREMENTS}, ConvertOptions())
    mine = [e for e in plan.ledger if e.place.path == "requirements.txt"]
    assert [e.place.line for e in mine] == [1, 2, 3, 5], "the blank one does not count"
    fates = {e.place.line: (e.fate, e.rule) for e in mine}
    assert fates[1] == fates[5] == (Fate.KEPT, "")
    assert fates[2] == (Fate.REWRITTEN, "LK401") and fates[3][0] in (Fate.REMOVED, Fate.REWRITTEN)
    after = next(c.after for c in plan.changes if c.path == "requirements.txt").decode().splitlines()
    old = REQUIREMENTS.decode().splitlines()
    assert all(after[e.to.line - 1] == old[e.place.line - 1] for e in mine if e.fate is Fate.KEPT and e.to)
    assert all(e.to for e in mine if e.fate is Fate.KEPT)


def test_what_is_not_touched_has_none() -> None:
    assert list(manifest_ledger([], [])) == []
