"""Every package that we depend on is imported somewhere, and docs/architecture.md says why it is there."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
#: What a package is imported as, where that is not its name.
IMPORTED = {"livekit-agents": "livekit.agents", "python-dotenv": "dotenv"}


@pytest.mark.parametrize("line", PROJECT["dependencies"], ids=lambda line: Requirement(line).name)
def test_it_is_used_and_explained(line: str) -> None:
    name = Requirement(line).name
    module = re.escape(IMPORTED.get(name, name))
    pattern = re.compile(rf"^\s*(?:from|import) {module}\b", re.M)
    assert any(pattern.search(p.read_text("utf-8")) for p in (ROOT / "src").rglob("*.py")), "nothing imports it"
    rows = (ROOT / "docs" / "architecture.md").read_text("utf-8").partition("## Dependencies")[2].splitlines()
    assert [row for row in rows if row.startswith("|") and name in row.split("|")[1]], "the page does not say why"
