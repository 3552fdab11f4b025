"""`[tool.lk-migrate]` in pyproject.toml. A flag of the command line beats a setting."""

from __future__ import annotations

import difflib
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from lk_migrate.model import UserError
from lk_migrate.project.paths import display, is_inside, reason

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_TABLE = "[tool.lk-migrate]"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a project may set. Every field is a key of `[tool.lk-migrate]`."""

    #: Rule ids or their prefixes that run; empty: all of them.
    select: tuple[str, ...] = ()
    #: Rule ids or their prefixes that do not run.
    ignore: tuple[str, ...] = ()
    #: Patterns in .gitignore's language for files that are not ours.
    exclude: tuple[str, ...] = ()
    #: The entrypoint, relative to the root; None: find it.
    main: str | None = None
    #: At most so many processes; None: as many as there are cores. A small tree takes one.
    jobs: int | None = None
    #: Patterns as in `exclude` → rule ids or their prefixes that leave these Python files alone.
    per_file_ignores: tuple[tuple[str, tuple[str, ...]], ...] = ()
    #: The interpreter that `verify` runs the project with; None: the project's venv, else ours.
    python: str | None = None


def load_settings(root: Path) -> Settings:
    """The project's settings, or the defaults when there are none.

    Raises UserError for a file that cannot be read, an unknown key, a value of the wrong kind, or a path
    that reaches outside the project.
    """
    path = root / "pyproject.toml"
    if not path.is_file():
        return Settings()
    if not is_inside(root, os.path.realpath(path)):
        raise UserError(f"{display(path)} is a link to a file outside the project; its settings are not read.")
    try:
        with path.open("rb") as stream:
            document = tomllib.load(stream)
    except OSError as error:
        raise UserError(f"pyproject.toml cannot be read: {reason(error)}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"pyproject.toml is not valid TOML: {error}.") from error
    tool = document.get("tool", {})
    table = tool.get("lk-migrate", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise UserError(f"{_TABLE} in pyproject.toml must be a table.")
    return parse_settings(root, table)


def parse_settings(root: Path, table: Mapping[str, Any]) -> Settings:
    """Settings from the table's keys and values; UserError as in `load_settings`."""
    known = {field.name.replace("_", "-") for field in fields(Settings)}
    for key in table:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"it knows {', '.join(sorted(known))}."
            raise UserError(f"pyproject.toml: {_TABLE} has no setting {key!r}; {hint}")
    return Settings(
        select=_strings(table, "select"),
        ignore=_strings(table, "ignore"),
        exclude=_strings(table, "exclude"),
        main=_path_inside(root, table, "main"),
        jobs=_count(table, "jobs"),
        per_file_ignores=_patterns(table, "per-file-ignores"),
        python=_string(table, "python"),
    )


def _strings(table: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UserError(f"pyproject.toml: {key} in {_TABLE} must be a list of strings.")
    return tuple(value)


def _patterns(table: Mapping[str, Any], key: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise UserError(f'pyproject.toml: {key} in {_TABLE} must be a table: "legacy/" = ["LK101"].')
    return tuple((pattern, _strings(value, pattern)) for pattern in value)


def _string(table: Mapping[str, Any], key: str) -> str | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise UserError(f"pyproject.toml: {key} in {_TABLE} must be a string.")
    return value


def _count(table: Mapping[str, Any], key: str) -> int | None:
    value = table.get(key)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
        raise UserError(f"pyproject.toml: {key} in {_TABLE} must be a whole number, 1 or more.")
    return value


def _path_inside(root: Path, table: Mapping[str, Any], key: str) -> str | None:
    value = _string(table, key)
    if value is None:
        return None
    real = os.path.realpath(root / value)
    if os.path.isabs(value) or not is_inside(root, real) or real == os.fspath(root):  # noqa: PTH117
        raise UserError(f"pyproject.toml: {key} in {_TABLE} must be a file inside the project, not {value!r}.")
    return Path(os.path.normpath(value)).as_posix()
