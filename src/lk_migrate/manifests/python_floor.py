"""The Python that a project asks for, against the one that livekit-agents runs on (3.10 to 3.14).

`requires-python` and its kin are rewritten where the meaning stays (`>=3.8` → `>=3.10`); an interpreter that is
named by its version (an image, a pin file) is for a person to choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lk_migrate.manifests import target
from lk_migrate.manifests.names import Kind
from lk_migrate.manifests.pins import UnknownPin, ceiling, clauses, floor
from lk_migrate.manifests.policy import Remark
from lk_migrate.model import Action

PYTHON = "LK406"

_LOW = ".".join(map(str, target.PYTHON_FLOOR))
_HIGH = ".".join(map(str, target.PYTHON_CEILING))
_NEEDS = f"livekit-agents {target.LINE} needs Python >={_LOW},<{_HIGH}"

_REQUIRES = re.compile(
    r"^(?P<lead>[ \t]*(?:requires-python|python_requires|python)[ \t]*=[ \t]*(?P<quote>[\"']?))"
    r"(?P<pins>[\d.,<>=!~^* ]+?)(?P=quote)[ \t]*(?:#.*)?\r?$",
    re.M,
)
_INTERPRETERS = {
    Kind.DOCKERFILE: re.compile(
        r"^[ \t]*(?:FROM\b[^\n]*?\bpython:?|ARG[ \t]+PYTHON_?VERSION[ \t]*=[ \t]*[\"']?)(?P<version>\d+\.\d+)",
        re.M | re.I,
    ),
    Kind.PYTHON_PIN: re.compile(r"^[ \t]*(?:c?python-)?(?P<version>\d+\.\d+)", re.M),
    Kind.PIPFILE: re.compile(r"^[ \t]*python_(?:full_)?version[ \t]*=[ \t]*[\"'](?P<version>\d+\.\d+)", re.M),
    Kind.CONDA: re.compile(r"^[ \t]*-[ \t]+[\"']?python[ \t]*=+[ \t]*(?P<version>\d+\.\d+)", re.M),
    Kind.SETUP_PY: re.compile(r"\bpython_requires[ \t]*=[ \t]*[\"'][^\"'\d]*(?P<version>\d+\.\d+)"),
}


def with_python_floor(text: str, kind: Kind) -> tuple[str, tuple[Remark, ...]]:
    """The text with its Python range raised, and what there is to say. The text itself when all is well."""
    if kind not in (Kind.PYPROJECT, Kind.SETUP_CFG):
        return text, tuple(_interpreters(text, kind))
    remarks: list[Remark] = []
    poetry = kind is Kind.PYPROJECT and re.search(r"^\[tool\.poetry\b", text, re.M) is not None
    pieces, at = [], 0
    for match in _REQUIRES.finditer(text):
        if match["lead"].lstrip().startswith("python") and not _in_its_table(text, match.start()):
            continue
        old, line = match["pins"].strip(), text.count("\n", 0, match.start()) + 1
        try:
            new = _raised(old, closed=poetry)
        except UnknownPin:
            continue
        if new is None:
            remarks.append(Remark(PYTHON, Action.TODO, line, f"{_NEEDS}; this project asks for `{old}`"))
        elif new != old:
            why = _NEEDS
            if floor(old) is not None and (floor(old) or (0,))[:2] >= target.PYTHON_FLOOR:
                why += ", and Poetry wants every Python of the project to be one that it runs on"
            remarks.append(Remark(PYTHON, Action.REWRITTEN, line, f"Python goes from `{old}` to `{new}`: {why}"))
            start = match.start("pins")
            pieces += [text[at:start], new]
            at = start + len(match["pins"].rstrip())
    return "".join([*pieces, text[at:]]), tuple(remarks)


def _in_its_table(text: str, position: int) -> bool:
    """`python = …` counts in Poetry's main table, `python_requires` in setup.cfg's `[options]`."""
    headers = re.findall(r"^[ \t]*\[([^\]\n]+)\]", text[:position], re.M)
    return bool(headers) and headers[-1].strip() in ("tool.poetry.dependencies", "options")


def _raised(pins: str, *, closed: bool) -> str | None:
    """The range cut to what livekit-agents runs on; None when nothing of it is left.

    `closed`: it must not reach above either (Poetry resolves for the whole range).
    """
    parts, low, high = clauses(pins), floor(pins), ceiling(pins)
    if (high is not None and high <= target.PYTHON_FLOOR) or (low is not None and low >= target.PYTHON_CEILING):
        return None
    too_low = low is None or low[:2] < target.PYTHON_FLOOR
    too_high = closed and (high is None or high[:2] > target.PYTHON_CEILING or high[0] > target.PYTHON_CEILING[0])
    if too_high:
        return f">={_LOW if too_low else '.'.join(map(str, low or ()))},<{_HIGH}"
    if not too_low:
        return pins
    if any(part.op in ("", "=", "==", "===") for part in parts):
        return None
    low_parts = [part for part in parts if part.op in (">=", ">", "~=", "^", "~")]
    if len(low_parts) != 1:
        return None if low_parts else f">={_LOW},{pins}"
    part = low_parts[0]
    if part.op in ("~", ">") or (part.op == "~=" and len(part.release) > 2):
        return None
    return pins[: part.start] + _LOW + pins[part.end :]


def _interpreters(text: str, kind: Kind) -> Iterator[Remark]:
    pattern = _INTERPRETERS.get(kind)
    for match in pattern.finditer(text) if pattern is not None else ():
        numbers = tuple(map(int, match["version"].split(".")))
        if not target.PYTHON_FLOOR <= numbers < target.PYTHON_CEILING:
            line = text.count("\n", 0, match.start("version")) + 1
            yield Remark(PYTHON, Action.TODO, line, f"{_NEEDS}; this is Python {match['version']}")
