"""What the walk leaves out: other people's folders, .gitignore rules, the `exclude` setting.

The rules are git's (https://git-scm.com/docs/gitignore): the last pattern that matches decides, a file nearer
to the path beats one further up, and below an ignored folder nothing can be taken back in.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

#: Never entered while walking: version control, environments, caches, what tools build, and our own.
IGNORED_FOLDERS = frozenset(
    {
        *(".git", ".hg", ".svn", ".bzr", ".jj", ".lk-migrate"),
        *(".venv", "venv", ".virtualenv", "virtualenv", "site-packages", "node_modules", ".direnv", ".pixi"),
        *("__pycache__", "__pypackages__", ".tox", ".nox", ".eggs", "build", "dist", "_build", "buck-out"),
        *(".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis", ".ipynb_checkpoints"),
    }
)
#: A folder that holds one of these is an environment, whatever its name.
_ENVIRONMENT = frozenset({"pyvenv.cfg", "conda-meta"})
_GROUP_NAME = re.compile(r"[(][?]P<[^>]*>")
_TRAILING_STARS = re.compile(r"(?:/\*\*)+(/?) *$")


@dataclass(frozen=True, slots=True)
class _Rules:
    """One file of patterns. `base` is its folder below the repository's top: empty, or ending in a slash."""

    base: str
    #: Whether it ignores (or takes back in), and what it matches; the last pattern first.
    patterns: tuple[tuple[bool, re.Pattern[str]], ...]
    #: Matches whatever any of the patterns matches. Most files match none, and this says so in one search.
    any_pattern: re.Pattern[str]

    @classmethod
    def parse(cls, base: str, lines: Sequence[str]) -> _Rules:
        if not lines:
            return cls(base, (), re.compile("(?!)"))
        # (3 MB that a project without such lines does without)
        from pathspec import GitIgnoreSpec
        from pathspec.pattern import RegexPattern

        # pathspec takes `a/**` for a itself as well, and git only for what is in it.
        spec = GitIgnoreSpec.from_lines(_TRAILING_STARS.sub(r"/**/*\1", line) for line in lines)
        patterns = [
            (bool(pattern.include), _whole(pattern.regex.pattern))
            for pattern in reversed(list(spec.patterns))
            if isinstance(pattern, RegexPattern) and pattern.regex is not None
        ]
        any_pattern = "|".join(f"(?:{regex.pattern})" for _, regex in patterns) or "(?!)"
        return cls(base, tuple(patterns), re.compile(any_pattern, re.DOTALL))

    def verdict(self, path: str) -> bool | None:
        """True: ignored; False: taken back in; None: says nothing.

        Only the path itself is asked about, folders with a final slash: the walk has asked about its parents.
        """
        below = path[len(self.base) :]
        if self.any_pattern.search(below):
            for ignored, regex in self.patterns:
                if regex.fullmatch(below):
                    return ignored
        return None


@dataclass(frozen=True, slots=True)
class Ignore:
    """The rules in force in one folder, the nearest first. Paths are relative to the project root."""

    #: The root's own place below the repository's top: empty, or ending in a slash.
    prefix: str
    excluded: _Rules
    rules: tuple[_Rules, ...] = ()

    @classmethod
    def above(cls, root: Path, start: str, exclude: Sequence[str]) -> Ignore:
        """The rules that reach `start` from the folders above it, within its git repository."""
        top = _repository(root)
        prefix = "" if top == root else f"{root.relative_to(top).as_posix()}/"
        parts = [part for part in f"{prefix}{start}".split("/") if part]
        rules = _load(top / ".git" / "info" / "exclude", "")
        for depth in range(len(parts)):
            base = "/".join(parts[:depth])
            rules = (*_load(top / base / ".gitignore", f"{base}/" if base else ""), *rules)
        return cls(prefix, _Rules.parse("", exclude), rules)

    def entering(self, root: Path, folder: str, names: Collection[str]) -> Ignore:
        """The rules in `folder`, which holds `names`."""
        if ".gitignore" not in names:
            return self
        base = f"{self.prefix}{folder}/" if folder else self.prefix
        return replace(self, rules=(*_load(root / folder / ".gitignore", base), *self.rules))

    def file(self, path: str) -> bool:
        """Whether a file is left out."""
        if self.excluded.verdict(path):
            return True
        full = self.prefix + path
        for rules in self.rules:
            verdict = rules.verdict(full)
            if verdict is not None:
                return verdict
        return False

    def folder(self, path: str) -> bool:
        """Whether a folder, and with it all that it holds, is left out."""
        return self.file(f"{path}/")


def is_environment(names: Collection[str]) -> bool:
    """Whether a folder with these names in it is a virtual environment, whatever it is called."""
    return not _ENVIRONMENT.isdisjoint(names)


def _repository(root: Path) -> Path:
    """The top of the git repository around the root, or the root itself."""
    for folder in (root, *root.parents):
        if (folder / ".git").exists():
            return folder
    return root


def _load(path: Path, base: str) -> tuple[_Rules, ...]:
    try:
        if not path.is_file() or path.is_symlink():  # git does not follow a linked .gitignore either
            return ()
        lines = path.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ()
    return (_Rules.parse(base, lines),)


def _whole(source: str) -> re.Pattern[str]:
    """pathspec's expression, which searches, as one that matches a whole path; without group names."""
    source = _GROUP_NAME.sub("(?:", source)
    return re.compile(source if source.startswith("^") else f".*{source}", re.DOTALL)
