"""setup.cfg: `install_requires` and `[options.extras_require]`, one requirement a line.

https://setuptools.pypa.io/en/latest/userguide/declarative_config.html
"""

from __future__ import annotations

import re

from lk_migrate.manifests.requirement import Requirement, line_spot, parse
from lk_migrate.manifests.requirements_txt import logical_lines, newline_of

_SECTION = re.compile(r"^\[([^\]]+)\]")
_KEY = re.compile(r"^([A-Za-z0-9_.-]+)\s*[=:]\s*")


def read(text: str) -> tuple[Requirement, ...]:
    """The requirements that stand on a line of their own."""
    found = []
    eol = newline_of(text)
    section = key = ""
    for number, start, end, line in logical_lines(text):
        if match := _SECTION.match(line):
            section, key = match[1].strip(), ""
        elif match := _KEY.match(line):
            key = match[1]
        elif line[:1].isspace() and line.strip() and not line.lstrip().startswith(("#", ";")):
            if not _is_list(section, key):
                continue
            body = re.sub(r"\s#.*$", "", line).rstrip()
            spot = line_spot(body, start, end, eol, ended=end > start + len(line))
            group = "" if section == "options" else key
            requirement = parse(body.lstrip(), number, spot, group)
            if requirement is not None:
                found.append(requirement)
    return tuple(found)


def _is_list(section: str, key: str) -> bool:
    return (section == "options" and key == "install_requires") or section == "options.extras_require"
