"""The HTML report in a real browser: it loads nothing, remembers ticks, works by keyboard, on a phone, in the dark."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from report_support import VERIFIED

from lk_migrate.model import Plan
from lk_migrate.report.html import html
from lk_migrate.report.verified import verified

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set CHROMIUM")

# What is far off the screen is not painted, and has no text for a test to read.
_PAINTED = "details.file { content-visibility: visible }"

# WCAG's contrast of every text with what is painted behind it; those below `least`, with their words.
_CONTRAST = """(least) => {
  const channel = (v) => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const parse = (c) => (c.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const behind = (el) => {
    for (; el; el = el.parentElement) {
      const c = parse(getComputedStyle(el).backgroundColor);
      if (c.length === 3 || c[3] > 0.99) return c;
    }
    return [255, 255, 255];
  };
  const poor = new Set();
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const el = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !el.checkVisibility() || el.closest("svg, script, style")) continue;
    const [a, b] = [light(parse(getComputedStyle(el).color)), light(behind(el))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < least) poor.add(ratio.toFixed(2) + " " + el.outerHTML.slice(0, 90));
  }
  return [...poor];
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> str:
    path: Path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html(plan, verified(VERIFIED)), "utf-8")
    return path.as_uri()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The report, as a person opens it; any complaint of the browser, and any request, is a failure."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if request.url != address else None)
    page.goto(address)
    yield page
    assert complaints == []
    context.close()


def test_ticks_are_remembered(page: Any) -> None:
    box = page.locator("input[data-item]").first
    assert not box.is_checked()
    total = page.locator("input[data-item]").count()
    box.check()
    assert page.locator("#ticked").inner_text() == f"1 of {total} done"
    page.reload()
    assert page.locator("input[data-item]").first.is_checked()
    assert "done" in (page.locator(".items > li").first.get_attribute("class") or "")
    page.locator("input[data-item]").first.uncheck()
    page.reload()
    assert page.locator("#ticked").inner_text() == f"0 of {total} done"


def test_what_is_left_leads_to_its_line_and_its_rule(page: Any) -> None:
    page.locator("#files details").evaluate_all("all => all.forEach(d => d.open = false)")
    page.locator(".items a.code").first.click()
    row = page.locator(":target")
    assert row.is_visible() and "TODO(lk-migrate" in row.inner_text()
    page.locator("tr.finding a").first.click()
    page.locator("details:target[open]").wait_for()  # (the page hears of it after the click)
    page.wait_for_function("document.activeElement.tagName === 'SUMMARY'")


def test_by_keyboard(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0, "visible as soon as it has the focus"
    page.locator("#files details").evaluate_all("all => all.forEach(d => d.open = false)")
    first = page.locator("#files summary").first
    first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#files details").first.get_attribute("open") is not None
    page.keyboard.press("n")
    page.keyboard.press("n")
    assert page.evaluate("document.activeElement === document.querySelectorAll('tr.finding')[1]")
    page.keyboard.press("p")
    assert page.evaluate("document.activeElement === document.querySelectorAll('tr.finding')[0]")
    page.keyboard.press("p")
    last = "document.activeElement === [...document.querySelectorAll('tr.finding')].at(-1)"
    assert page.evaluate(last)


def test_files_are_found_by_name_and_by_rule(page: Any) -> None:
    page.fill("#search", "LK101")
    shown = page.locator("details.file:visible summary strong").all_text_contents()
    assert shown == ["services/desk.py"]
    page.fill("#search", "")
    assert page.locator("details.file:visible").count() == 3


def test_on_a_phone_nothing_is_cut_off(page: Any) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    sizes = page.evaluate(
        "[...document.querySelectorAll('td, p, li')].map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 12
    page.add_style_tag(content=_PAINTED)
    text = page.locator("details.file").last.inner_text()
    assert text.count('super().__init__(instructions="Book appointments.")') == 1, "what did not change stands once"
    assert "_turn_gate" in text, "what was removed is to be seen"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_is_readable(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    page.add_style_tag(content=_PAINTED)
    assert page.evaluate(_CONTRAST, 4.5) == []
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_what_a_screen_reader_hears(page: Any) -> None:
    assert page.evaluate("document.documentElement.lang") == "en"
    for landmark in ("navigation", "main", "contentinfo"):
        assert page.get_by_role(landmark).count() == 1
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("img", name="Flows of lines").count() == 1
    assert page.get_by_role("checkbox", name="stt_context_options").count() == 2
    assert page.get_by_role("table").count() >= 3
    levels = page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => +h.tagName[1])")
    assert all(b - a <= 1 for a, b in pairwise(levels))


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 360)])
def test_axe_finds_nothing(page: Any, scheme: str, width: int) -> None:
    """axe-core's rules for WCAG 2.2 A and AA, and its best practices, with everything open."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = true)")
    page.add_style_tag(content=_PAINTED)
    found = axe.run(page).response
    assert len(found["passes"]) > 20, "it looked"
    assert [(v["id"], [n["html"][:120] for n in v["nodes"][:3]]) for v in found["violations"]] == []


def test_two_hundred_files_open_quickly(browser: Any, plan: Plan, tmp_path: Path) -> None:
    """Read, laid out and searched in a moment, though every file has its diff."""
    changes = tuple(replace(c, path=f"part{n}/{c.path}") for n in range(70) for c in plan.changes)
    findings = tuple(
        replace(f, place=replace(f.place, path=f"part{n}/{f.place.path}"), to=None)
        for n in range(70)
        for f in plan.findings
    )
    path = tmp_path / "many.html"
    path.write_text(html(replace(plan, changes=changes, findings=findings, main=None, agents=(), ledger=())), "utf-8")
    page = browser.new_page()
    page.goto(path.as_uri())
    assert page.locator("details.file").count() == 70 * len(plan.changes) >= 200
    spent = page.evaluate("""() => {
      const entry = performance.getEntriesByType("navigation")[0], begun = performance.now();
      const search = document.getElementById("search");
      search.value = "part69"; search.dispatchEvent(new Event("input"));
      document.body.offsetHeight;
      return [entry.domComplete - entry.responseEnd, performance.now() - begun];
    }""")
    assert page.locator("details.file:visible").count() == len(plan.changes)
    assert spent[0] < 5000 and spent[1] < 500, spent  # milliseconds; a tenth of it on an idle machine
    page.close()


def test_printed_everything_is_open(page: Any) -> None:
    page.locator("details").evaluate_all("all => all.forEach(d => d.open = false)")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    page.emulate_media(media="print")
    assert not page.locator("nav").is_visible()
    page.emulate_media(media="screen")
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("details[open]").count() == 0
    assert page.pdf()[:5] == b"%PDF-"


def test_without_script_it_is_still_a_report(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert page.locator("#summary").is_visible() and not page.locator("#search").is_visible()
    # by the keyboard: on a busy machine the page is laid out further while a click is under way, which then misses
    page.locator("#rules summary").first.press("Enter")
    page.locator("#rules details").first.locator(".inside").wait_for()
    context.close()


def test_names_with_markup_do_nothing(browser: Any, plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "r.html"
    path.write_text(html(plan), "utf-8")
    page = browser.new_page()
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    page.goto(path.as_uri())
    page.add_style_tag(content=_PAINTED)
    assert "<script>alert(1)</script>" in page.locator("details.file").last.inner_text()
    assert dialogs == []
    page.close()
