"""What is written about a rule: the same texts for the terminal, docs/rules.md, SARIF and the HTML report."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lk_migrate.model import Edition, Safety

#: Where the fixtures of the rules stand: in the wheel, and in a checkout.
_EXAMPLES = (Path(__file__).parents[1] / "_fixtures" / "rules", Path(__file__).parents[3] / "fixtures" / "rules")
_DOCS = (Path(__file__).parents[1] / "_docs" / "rules.md", Path(__file__).parents[3] / "docs" / "rules.md")

EDITIONS = {
    Edition.HANDROLLED: "hand-rolled agents",
    Edition.V0: "LiveKit Agents 0.x",
    Edition.V1: "early LiveKit Agents 1.x",
    Edition.CURRENT: "LiveKit Agents 1.8",
}
SAFETY = {
    Safety.SAFE: "keeps behaviour",
    Safety.REVIEW: "right in the usual case; have a look at what it did",
}


@dataclass(frozen=True)
class RuleText:
    """A rule as it is explained. `example` is a unified diff of one of its fixtures, "" when it has none.

    `of_generator`: it is a part of writing main.py anew, and comes and goes with that.
    """

    id: str
    summary: str
    why: str
    edition: Edition
    safety: Safety
    since: str
    example: str
    of_generator: bool = False

    @property
    def anchor(self) -> str:
        """Of its heading in docs/rules.md."""
        return self.id.lower()

    @property
    def switch_off(self) -> str:
        """How to do without it: in a run, in a project, at one statement."""
        if self.of_generator:
            return "lk-migrate convert --no-main           leaves the main module where and as it is\n"
        rows = (
            (f"lk-migrate convert --ignore {self.id}", "for this run"),
            ("[tool.lk-migrate]", "in pyproject.toml, for this project"),
            (f'ignore = ["{self.id}"]', ""),
            (f'per-file-ignores = {{ "old/" = ["{self.id}"] }}', "for some files"),
            (f"# lk-migrate: ignore[{self.id}]", "at or above one statement"),
        )
        return "".join(f"{what:43}{where}".rstrip() + "\n" for what, where in rows)


@cache
def catalog() -> dict[str, RuleText]:
    """Every rule that a finding can name, by id, in order."""
    from lk_migrate.entrypoint.rules import rules as generator
    from lk_migrate.rules.registry import all_rules

    texts = [
        RuleText(r.id, r.summary, r.why, r.edition, r.safety, r.since, _example(r.id), of_generator=r in generator)
        for r in (*all_rules(), *generator)
    ]
    return {text.id: text for text in sorted(texts, key=lambda t: t.id)}


def page_here(rule: str) -> str | None:
    """The address of what came with the package about the rule, on this machine."""
    page = _page()
    return f"{page}#{rule.lower()}" if page else None


@cache
def _page() -> str | None:
    return next((p.as_uri() for p in _DOCS if p.is_file()), None)


def published(rule: str) -> str | None:
    """Where anybody can read about the rule, if the package says so: `Rules` in `[project.urls]`."""
    pages = _published()
    return f"{pages}#{rule.lower()}" if pages else None


@cache
def _published() -> str | None:
    from importlib import metadata  # (which brings a parser of mail)

    try:
        urls = metadata.metadata("lk-migrate").get_all("Project-URL") or []
    except metadata.PackageNotFoundError:
        return None
    named = (url.partition(",") for url in urls)
    return next((address.strip() for name, _, address in named if name.strip().lower() == "rules"), None)


def _example(rule: str) -> str:
    """The shortest of its fixtures that shows what the rule does; a marker, if it does nothing else."""
    folder = next((f / rule for f in _EXAMPLES if (f / rule).is_dir()), None)
    if folder is None:
        return ""
    found = [d for d in (_diff(before, after) for before, after in _cases(folder)) if d]
    return min(found, key=lambda d: ("TODO(lk-migrate" in d, len(d.splitlines()), d), default="")


def _cases(folder: Path) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    for before in sorted(folder.glob("*.before.py")):
        after = folder / before.name.replace(".before.py", ".after.py")
        yield {"": _read(before)}, {"": _read(after)}
    for case in sorted(p for p in folder.iterdir() if (p / "before").is_dir()):
        yield _tree(case / "before"), _tree(case / "after")


def _tree(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): _read(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _diff(before: dict[str, str], after: dict[str, str]) -> str:
    parts = []
    for path in sorted({*before, *after}):
        old, new = before.get(path, "").splitlines(), after.get(path, "").splitlines()
        lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
        if lines:
            parts += [f"# {path}"] if path else []
            parts += ["@@" if line.startswith("@@") else line.rstrip() for line in lines]
    return "\n".join(parts[1:] if parts[:1] == ["@@"] else parts)
