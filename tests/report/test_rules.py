"""The texts of the rules: at the terminal, as data, and in docs/rules.md, which must be what the code says."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))

import in_process
import pytest

from lk_migrate.entrypoint import generate
from lk_migrate.report.catalog import catalog
from lk_migrate.report.rule_pages import PAGE, page


def test_the_page_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "python -m lk_migrate.report.rule_pages writes it"


def test_links_of_the_page_have_targets() -> None:
    text = page()
    targets = {"#" + heading.lower() for heading in re.findall(r"^## (LK\d+)$", text, re.M)}
    assert set(re.findall(r"\]\((#lk\d+)\)", text)) == targets and len(targets) == len(catalog())


def test_every_id_that_a_finding_can_have_is_explained() -> None:
    source = Path(generate.__file__).read_text()
    assert set(re.findall(r'"(LK\d{3})"', source)) <= set(catalog())
    assert all(rule.summary and rule.why for rule in catalog().values())


def test_the_list_and_one_rule(tmp_path: Path) -> None:
    listed = in_process.run(tmp_path, "rules")
    assert listed.returncode == 0 and all(identity in listed.stdout for identity in catalog())
    one = in_process.run(tmp_path, "rules", "lk102")
    for part in (
        "max_tool_steps=N-1",
        "review",
        "+        max_tool_steps=0,",
        "--ignore LK102",
        "# lk-migrate: ignore[LK102]",
    ):
        assert part in one.stdout
    family = in_process.run(tmp_path, "rules", "LK4").stdout
    assert "LK401" in family and "LK101" not in family
    assert "--no-main" in in_process.run(tmp_path, "rules", "LK150").stdout


def test_as_data(tmp_path: Path) -> None:
    (rule,) = json.loads(in_process.run(tmp_path, "rules", "LK312", "--json").stdout)
    assert (rule["since"], rule["safety"], rule["edition"]) == ("1.6.6", "safe", "v1")
    assert "stt_context_options" in rule["example"]


def test_an_unknown_rule_is_a_mistake(tmp_path: Path) -> None:
    done = in_process.run(tmp_path, "rules", "LK999")
    assert done.returncode == 2 and "there is no rule 'LK999'" in done.stderr


@pytest.mark.parametrize("rule", ["LK101", "LK112", "LK310", "LK340"])
def test_an_example_shows_what_a_rule_does(rule: str) -> None:
    example = catalog()[rule].example
    assert "TODO(lk-migrate" not in example
    assert any(line.startswith(("+", "-")) for line in example.splitlines())
