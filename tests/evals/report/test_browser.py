"""The page in a browser: nothing is fetched, nothing complained of, and its numbers are the scores'."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.report.html import write_report
from evals.scores import Score, arms_of, find

sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'browser'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs Debian's package chromium")
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync")


@pytest.fixture
def page(scores: list[Score], tmp_path: Path) -> Iterator["sync_api.Page"]:
    write_report(
        tmp_path / "report.html",
        scores=scores,
        samples_by_arm={},
        manifest={"seed": 0},
        map_examples=[{"tokens": [{"text": "Lima", "score": 0.9}], "source": "facts"}],
    )
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.said, page.fetched = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.fetched.append(request.url))
        page.goto(f"file://{tmp_path / 'report.html'}")
        yield page
        browser.close()


def test_it_opens_without_a_network_or_a_complaint(page: "sync_api.Page") -> None:
    assert page.said == []
    assert [url.rpartition("/")[2] for url in page.fetched] == ["report.html"]


def test_the_table_tells_the_scores(page: "sync_api.Page", scores: list[Score]) -> None:
    table = page.locator("section", has_text="Every arm").locator("table").first
    heads = table.locator("thead th").all_inner_texts()
    for arm in arms_of(scores):
        row = table.locator("tbody tr", has=page.get_by_role("rowheader", name=arm, exact=True))
        cells = row.locator("th, td").all_inner_texts()
        for axis in ("recall", "reasoning"):
            score = find(scores, arm, axis)
            assert score is not None
            assert cells[heads.index(axis)].split() == [
                f"{100 * score.value:.1f}",
                *f"± {100 * score.stderr:.1f}".split(),
            ]


def test_the_chart_has_a_mark_for_every_arm(page: "sync_api.Page", scores: list[Score]) -> None:
    chart = page.locator("figure svg").first
    texts = chart.locator("text").all_text_contents()
    assert all(texts.count(arm) == 1 for arm in arms_of(scores))
    # An error bar is drawn around each mark: one line across and one up.
    assert chart.locator("g[id^=LineCollection]").count() == 2 * len(arms_of(scores))


def test_nothing_but_tables_is_wider_than_a_phone(page: "sync_api.Page") -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
