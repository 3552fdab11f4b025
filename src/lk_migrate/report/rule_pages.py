"""docs/rules.md from the rules' own texts: `python -m lk_migrate.report.rule_pages` writes it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from lk_migrate.model import Edition
from lk_migrate.report.catalog import EDITIONS, SAFETY, RuleText, catalog

PAGE = Path(__file__).parents[3] / "docs" / "rules.md"

_HEAD = """\
# Rules

<!-- Written by `python -m lk_migrate.report.rule_pages` from the rules' own texts: change those. -->

What `lk-migrate convert` can do, one rule per kind of change. `lk-migrate rules` lists them at the terminal and
`lk-migrate rules LK101` explains one. A *safe* rule keeps behaviour; a *review* rule is right in the usual case and
asks for a look at what it did.

## Choosing rules

| for | do |
|---|---|
| one run | `lk-migrate convert --select LK3`, `lk-migrate convert --ignore LK101`: ids or their beginnings |
| a project | `ignore = ["LK101"]` (or `select = […]`) under `[tool.lk-migrate]` in pyproject.toml |
| some files | `per-file-ignores = { "legacy/" = ["LK101"] }` there, in the language of .gitignore |
| no rule at all for some files | `exclude = ["legacy/"]` there |
| one statement | `# lk-migrate: ignore[LK101]` at its end or in the line above; `# lk-migrate: ignore` for all rules |
"""


def page() -> str:
    """The whole of docs/rules.md."""
    rules = list(catalog().values())
    parts = [_HEAD]
    for edition in Edition:
        mine = [rule for rule in rules if rule.edition is edition]
        if mine:
            parts.append(f"\n## For {EDITIONS[edition]}\n\n" + "\n".join(_index(mine)) + "\n")
    parts += ["\n" + "\n".join(_section(rule)) + "\n" for rule in rules]
    return "".join(parts)


def _index(rules: list[RuleText]) -> Iterator[str]:
    yield "| rule | what it does | |"
    yield "|---|---|---|"
    for rule in rules:
        yield f"| [{rule.id}](#{rule.anchor}) | {rule.summary.replace('|', chr(92) + '|')} | {rule.safety.value} |"


def _section(rule: RuleText) -> Iterator[str]:
    yield f"## {rule.id}"
    yield ""
    yield f"**{rule.summary}**"
    yield ""
    yield rule.why
    yield ""
    since = f"since livekit-agents {rule.since}" if rule.since else "about your own code, whatever the release"
    yield f"For {EDITIONS[rule.edition]}, {since}. *{rule.safety.value.capitalize()}*: {SAFETY[rule.safety]}."
    if rule.example:
        yield ""
        yield "```diff"
        yield rule.example
        yield "```"


def main() -> int:
    """Write the page, or with `--check` say whether it is up to date."""
    text = page()
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != text:
            print("docs/rules.md is out of date: python -m lk_migrate.report.rule_pages writes it", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
