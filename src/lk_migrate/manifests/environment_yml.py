"""Conda's environment.yml: the packages below `- pip:`. Conda's own packages are not LiveKit's.

https://docs.conda.io/projects/conda/en/latest/user-guide/tasks/manage-environments.html
"""

from __future__ import annotations

import re

from lk_migrate.manifests.requirement import Requirement, Spot, parse
from lk_migrate.manifests.requirements_txt import logical_lines, newline_of

_PIP = re.compile(r"^(\s*)-\s+[\"']?pip[\"']?\s*:\s*(#.*)?$")
_ITEM = re.compile(r"^(?P<lead>(?P<indent>\s*)-\s+(?P<quote>[\"']?))(?P<body>[^\"'#]*?)(?P=quote)\s*(?:\s#.*)?$")


def read(text: str) -> tuple[Requirement, ...]:
    """The requirements that pip installs."""
    found = []
    eol = newline_of(text)
    depth: int | None = None
    for number, start, end, line in logical_lines(text):
        if match := _PIP.match(line):
            depth = len(match[1])
            continue
        if depth is None or not line.strip() or line.lstrip().startswith("#"):
            continue
        item = _ITEM.match(line)
        if item is None or len(item["indent"]) <= depth:
            if len(line) - len(line.lstrip()) <= depth:
                depth = None
            continue
        ended = end > start + len(line)
        spot = Spot(
            start + item.start("body"),
            start + item.end("body"),
            start,
            end,
            end,
            item["lead"] if ended else eol + item["lead"],
            item["quote"] + (eol if ended else ""),
        )
        requirement = parse(item["body"], number, spot)
        if requirement is not None:
            found.append(requirement)
    return tuple(found)
