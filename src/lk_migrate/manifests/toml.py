"""pyproject.toml and Pipfile: a TOML parser says what is meant, the text is changed where it stands.

tomlkit would keep a document's style, but moves comments when an array grows; so the strings are found in the text and
changed there, and the result is parsed again: only the intended values may differ (`same_meaning`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from packaging.utils import canonicalize_name

from lk_migrate.manifests.requirement import Addition, Requirement, Spot, parse
from lk_migrate.manifests.requirements_txt import newline_of

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TOKEN = re.compile(r"#[^\n]*|'''.*?'''|\"\"\"(?:\\.|[^\\])*?\"\"\"|(?P<string>\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*')", re.S)
_HEADER = re.compile(r"^\s*\[([^\[\]]+)\]\s*(?:#.*)?$")
_ENTRY = re.compile(r"^(?P<lead>\s*(?P<quote>[\"']?))(?P<key>[A-Za-z0-9._-]+)(?P=quote)\s*=\s*(?P<value>[\"'{].*?)\s*$")
_COMMENT_END = re.compile(r"\s*#[^\"'\]}]*$")
_VERSION = re.compile(r"(\bversion\s*=\s*)(\"[^\"]*\"|'[^']*')")
_EXTRAS = re.compile(r"(\bextras\s*=\s*)\[[^\]]*\]")


class NotToml(ValueError):
    """The file is no TOML."""


def load(text: str) -> dict[str, Any]:
    """The plain values of a document. Raises NotToml."""
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise NotToml(str(error)) from error


def read_pyproject(text: str) -> tuple[Requirement, ...]:
    """The requirements of PEP 621, PEP 735, Poetry, uv, PDM and Hatch. Raises NotToml."""
    document = load(text)
    overridden = {canonicalize_name(name) for name in _at(document, "tool", "uv", "sources")}
    strings = _Strings(text)
    found = [r for group, items in _lists(document) for item in items if (r := strings.take(item, group)) is not None]
    found = [replace(r, direct=True) if r.name in overridden else r for r in found]
    return (*found, *_entries(text, _poetry_groups(document)))


def read_pipfile(text: str) -> tuple[Requirement, ...]:
    """The requirements of a Pipfile. Raises NotToml."""
    document = load(text)
    return tuple(_entries(text, {"packages": "", **{k: k for k in document if k not in ("packages", "requires")}}))


def array_tail(text: str) -> Spot | None:
    """Where the first requirement of an empty `dependencies` list goes; None when there is no such list."""
    match = re.search(r"^dependencies\s*=\s*\[(?=\s*\])", text, re.M)
    if match is None:
        return None
    at = match.end()
    return Spot(at, at, at, at, at, '"', '"')


def same_meaning(before: str, after: str, touched: Set[str]) -> bool:
    """Whether two documents differ in nothing but the requirements named in `touched`."""
    try:
        return bool(_rest(load(before), touched) == _rest(load(after), touched))
    except NotToml:
        return False


def _rest(value: Any, touched: Set[str]) -> Any:
    if isinstance(value, Mapping):
        return {k: _rest(v, touched) for k, v in value.items() if canonicalize_name(k) not in touched}
    if isinstance(value, list):
        return [_rest(v, touched) for v in value if not (isinstance(v, str) and _name(v) in touched)]
    return value


def _name(text: str) -> str:
    requirement = parse(text, 0, None)
    return requirement.name if requirement is not None else ""


# --- lists of PEP 508 strings


def _lists(document: Mapping[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    """Group ("" for the main list) and items of every list of requirements."""
    yield "", _list(_at(document, "project").get("dependencies"))
    for table in (("project", "optional-dependencies"), ("dependency-groups",), ("tool", "pdm", "dev-dependencies")):
        for group, items in _at(document, *table).items():
            yield group, _list(items)
    for key in ("constraint-dependencies", "override-dependencies", "dev-dependencies"):
        yield f"uv {key}", _list(_at(document, "tool", "uv").get(key))
    for group, environment in _at(document, "tool", "hatch", "envs").items():
        if isinstance(environment, Mapping):
            for key in ("dependencies", "extra-dependencies"):
                yield group, _list(environment.get(key))


def _list(value: Any) -> list[Any]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _at(document: Mapping[str, Any], *keys: str) -> Mapping[str, Any]:
    value: Any = document
    for key in keys:
        value = value.get(key, {}) if isinstance(value, Mapping) else {}
    return value if isinstance(value, Mapping) else {}


class _Strings:
    """The strings of a document by their value, each to be taken once, from the first to the last."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.eol = newline_of(text)
        self.places: dict[str, list[tuple[int, int]]] = {}
        for match in _TOKEN.finditer(text):
            if match["string"]:
                self.places.setdefault(_value(match["string"]), []).append(match.span())

    def take(self, value: str, group: str) -> Requirement | None:
        """The next requirement with this text; None for what is no requirement."""
        places = self.places.get(value)
        if not places:
            return None
        start, end = places.pop(0)
        return parse(value, self.text.count("\n", 0, start) + 1, self._spot(start, end), group)

    def _spot(self, start: int, end: int) -> Spot:
        """A string in an array: with its whole line when it stands alone on one."""
        text, quote = self.text, self.text[start]
        line_start = text.rfind("\n", 0, start) + 1
        line_end = text.find("\n", end) + 1 or len(text)
        before, after = text[line_start:start], text[end:line_end]
        if not before.strip() and re.fullmatch(r"\s*,?\s*(#.*)?\s*", after):
            if after.lstrip().startswith(","):
                lead, trail, at = f"{before}{quote}", f"{quote},{self.eol}", line_end
            else:
                lead, trail, at = f"{before}{quote}", f"{quote},{self.eol}", line_start
            return Spot(start + 1, end - 1, line_start, line_end, at, lead, trail)
        drop_start, drop_end = start, end
        if match := re.compile(r"\s*,[ \t]*").match(text, end):
            drop_end = match.end()
        elif match := re.compile(r",\s*\Z").search(text[line_start:start]):
            drop_start = line_start + match.start()
        return Spot(start + 1, end - 1, drop_start, drop_end, end, f", {quote}", quote)


def _value(written: str) -> str:
    """What a string token stands for."""
    if written[0] == "'" or "\\" not in written:
        return written[1:-1]
    try:
        return str(load(f"x = {written}")["x"])
    except NotToml:
        return written[1:-1]


# --- tables of name = version (Poetry, Pipfile)


def _poetry_groups(document: Mapping[str, Any]) -> dict[str, str]:
    """Header of each table of requirements → its group."""
    found = {"tool.poetry.dependencies": "", "tool.poetry.dev-dependencies": "dev"}
    for group in _at(document, "tool", "poetry", "group"):
        found[f"tool.poetry.group.{group}.dependencies"] = group
    return found


def _entries(text: str, tables: Mapping[str, str]) -> Iterator[Requirement]:
    """The `name = …` lines of these tables that name a package with a version."""
    eol = newline_of(text)
    table, at = "", 0
    for number, line in enumerate(text.splitlines(keepends=True), 1):
        start, at = at, at + len(line)
        if header := _HEADER.match(line.rstrip("\r\n")):
            table = header[1].replace(" ", "").replace('"', "")
            if table.rpartition(".")[0] in tables:  # [tool.poetry.dependencies.livekit-agents]
                name = canonicalize_name(table.rpartition(".")[2])
                yield Requirement(name, (), "", number, None, tables[table.rpartition(".")[0]], direct=True)
            continue
        entry = _ENTRY.match(line.rstrip("\r\n")) if table in tables else None
        if entry is None or entry["key"] == "python":
            continue
        try:
            value = load(f"x = {entry['value']}")["x"]
        except NotToml:
            continue
        written = _COMMENT_END.sub("", entry["value"])
        spot = Spot(
            start + entry.start("value"),
            start + entry.start("value") + len(written),
            start,
            at,
            at,
            "" if line.endswith(("\n", "\r")) else eol,
            eol if line.endswith(("\n", "\r")) else "",
            _respell_entry,
            _spell_entry,
        )
        name = canonicalize_name(entry["key"])
        if isinstance(value, str):
            yield Requirement(name, (), "" if value == "*" else value, number, spot, tables[table])
        elif isinstance(value, Mapping):
            pins = str(value.get("version", ""))
            extras = tuple(str(e) for e in value.get("extras", ()))
            fetched = bool({"git", "path", "url", "file"} & value.keys())
            yield Requirement(name, extras, "" if pins == "*" else pins, number, spot, tables[table], direct=fetched)


def _respell_entry(text: str, old: Requirement, new: Requirement) -> str:
    pins = new.pins or "*"
    if not text.startswith("{"):
        quote = text[0]
        if new.extras:
            return f"{{{_extras(new.extras, quote)}, version = {quote}{pins}{quote}}}"
        return f"{quote}{pins}{quote}"
    if new.pins != old.pins:
        text = _VERSION.sub(lambda m: f"{m[1]}{m[2][0]}{pins}{m[2][0]}", text, count=1)
    if new.extras != old.extras:
        quote = "'" if "'" in text and '"' not in text else '"'
        if _EXTRAS.search(text):
            text = _EXTRAS.sub(lambda m: m[1] + _extras(new.extras, quote).partition("= ")[2], text, count=1)
        else:
            text = f"{{{_extras(new.extras, quote)}, {text[1:].lstrip()}"
    return text


def _extras(extras: Sequence[str], quote: str) -> str:
    return f"extras = [{', '.join(f'{quote}{extra}{quote}' for extra in extras)}]"


def _spell_entry(addition: Addition) -> str:
    pins = addition.pins or "*"
    if addition.extras:
        return f'{addition.name} = {{{_extras(addition.extras, chr(34))}, version = "{pins}"}}'
    return f'{addition.name} = "{pins}"'
