"""Which files can name anything of LiveKit's (facts/importers.py)."""

from __future__ import annotations

import pytest

from lk_migrate.facts.importers import where_livekit_is_imported
from lk_migrate.facts.project import Project


def _found(**files: bytes) -> set[str]:
    return set(Project({f"{name}.py": data for name, data in files.items()}).fact(where_livekit_is_imported))


@pytest.mark.parametrize(
    "how",
    [
        b"from livekit.agents import Agent\n",
        b"import os, livekit.rtc as rtc\n",
        b"from livekit import (  # (all of it)\n    agents,\n)\n",
        b"import os, \\\n    livekit\n",
        b"def later():\n    from livekit import agents\n",
        b"try: import livekit\nexcept ImportError: livekit = None\n",
        b"import os; import livekit\n",
        b"import os\rfrom livekit import agents\r",
    ],
)
def test_whoever_imports_it(how: bytes) -> None:
    assert _found(a=how) == {"a.py"}


def test_a_word_in_a_text_or_a_name_is_no_import() -> None:
    assert _found(a=b"# from livekit's docs\nlivekit_url = 'import livekit'\nimport my_livekit\n") == set()


def test_who_imports_from_those_that_do() -> None:
    found = _found(
        own=b"from livekit.agents import *\n",
        between=b"from own import *\n",
        main=b"import between\n",
        other=b"x = 1\n",
    )
    assert found == {"own.py", "between.py", "main.py"}
