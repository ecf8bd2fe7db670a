import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from evals.report.html import write_report

VOID = {"meta", "br"}


class Balance(HTMLParser):
    """Fails on a tag that is closed out of turn."""

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def sample(number: int, *, axis: str = "recall", correct: bool = True, **changes: object) -> dict:
    return {
        "id": f"p{number}",
        "axis": axis,
        "family": "capital",
        "prompt": f"Question {number}?",
        "answer": "Lima",
        "predicted": "Lima" if correct else "Oslo",
        "correct": correct,
        "logprob": -1.0,
        "rank": 1,
        **changes,
    }


@pytest.fixture
def write(tmp_path, scores):
    def page(**changes) -> str:
        path = tmp_path / "report.html"
        options = {"scores": scores, "samples_by_arm": {}, "manifest": {}, "map_examples": []}
        write_report(path, **{**options, **changes})
        assert [p.name for p in tmp_path.iterdir()] == ["report.html"]
        text = path.read_text(encoding="utf-8")
        checker = Balance()
        checker.feed(text)
        assert checker.open == []
        return text

    return page


def table_under(page: str, title: str) -> dict[str, list[str]]:
    section = page[page.index(f">{title}</h") :]
    table = section[: section.index("</table>")]
    cells = {}
    for row in re.findall(r'<tr[^>]*><th scope="row">.*?</tr>', table):
        name, *values = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)
        cells[name] = [re.sub("<[^>]*>|&thinsp;", "", value) for value in values]
    return cells


def test_every_arm_shows_its_numbers_and_chance(write, scores):
    page = write()
    arms = table_under(page, "Every arm")
    assert list(arms) == ["teacher", "core", "rebound", "refuser", "chance"]
    # recall, reasoning and half b at its worst; what nobody measured has no column
    assert arms["core"] == ["5.2 ±1.1", "70.5 ±1.1", "6.1 ±1.1"]
    assert arms["refuser"] == ["2.1 ±1.1", "69.9 ±1.1", "93.4 ±1.1"]
    assert arms["chance"] == ["4.3", "20.0", "4.3"]
    assert table_under(page, "Reasoning by family")["core"] == ["60.5 ±1.1"]
    assert table_under(page, "Half b, not taught again, by step")["core"] == [
        "5.2 ±1.1",
        "6.1 ±1.1",
        "4.1 ±1.1",
    ]
    assert table_under(page, "Half a, taught again, by step")["rebound"] == ["90.0 ±1.1"]


def test_an_axis_that_nobody_measured_is_said_to_be_missing(write, scores):
    page = write()
    assert "Not measured: verbatim, open book, arithmetic, language." in page
    assert "Not measured: relearn" not in page
    assert "Not measured: quantize, benign, sampling, distractor, rephrase." in page


def test_the_title_says_what_was_kept_above_chance(write, scores):
    # (.705 - .2) / (.712 - .2) and (.052 - .043) / (.991 - .043)
    page = write()
    assert "The core kept 99\u00a0% of its teacher’s reasoning and 1\u00a0% of its recall" in page
    poor = [
        replace(score, value=0.3) if (score.arm, score.axis) == ("teacher", "reasoning") else score
        for score in scores
    ]
    assert "The core kept all of its teacher’s reasoning and" in write(scores=poor)
    assert "Both shares are above chance" in page
    without = [score for score in scores if score.arm != "core"]
    assert "a report without a core" in write(scores=without)
    alone = [score for score in scores if score.arm != "teacher"]
    assert "a core without its teacher" in write(scores=alone)


def test_a_core_whose_teacher_knows_nothing_is_there_all_the_same(write, scores):
    ignorant = [replace(s, value=0.0) if s.arm == "teacher" else s for s in scores]
    page = write(scores=ignorant)
    assert "the teacher knows no more than a guess" in page and "above chance" not in page
    half = [
        replace(s, value=0.0) if (s.arm, s.axis) == ("teacher", "recall") else s for s in scores
    ]
    assert "This share is above chance" in write(scores=half)


def test_the_page_needs_nothing_else(write):
    page = write()
    assert "<svg" in page
    assert "<script" not in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert "prefers-color-scheme: dark" in page


def test_everything_is_escaped(write, scores):
    evil = "<b onload='x'>&\""
    page = write(
        samples_by_arm={"core": [sample(1, prompt=evil, answer=evil, predicted=evil, family=evil)]},
        manifest={evil: evil, "nested": {evil: 1}},
        map_examples=[{"tokens": [{"text": evil, "score": 0.5}], "source": evil}],
        scores=[
            *scores,
            *(s.__class__(**{**s.__dict__, "arm": evil}) for s in scores if s.arm == "core"),
        ],
    )
    assert "<b onload" not in page
    assert page.count("&lt;b onload") >= 8


def test_answers_stand_side_by_side_with_a_mark(write):
    both = {
        "teacher": [sample(1), sample(2, axis="reasoning")],
        "core": [sample(2, axis="reasoning"), sample(1, correct=False)],
        "refuser": [sample(1)],
    }
    page = write(samples_by_arm=both)
    cards = re.findall(r'<div class="card">.*?</div>', page)
    assert len(cards) == 2
    said = re.findall(r'<dt class="arm-(\w+)">.*?<dd class="(\w+)">(.*?)</dd>', cards[0])
    assert said == [("teacher", "right", "✓ Lima"), ("core", "wrong", "✗ Oslo")]


def test_a_dozen_answers_from_all_axes(write):
    many = [sample(i) for i in range(50)] + [sample(50 + i, axis="verbatim") for i in range(3)]
    page = write(samples_by_arm={"core": many})
    kinds = re.findall(r'<div class="card"><small>(\w+)', page)
    assert len(kinds) == 12
    assert kinds.count("verbatim") == 3


def test_the_map_colours_tokens_by_score(write):
    tokens = [{"text": "Lima", "score": 0.97}, {"text": " is", "score": 0.0}]
    page = write(map_examples=[{"tokens": tokens, "source": "facts"}])
    assert '<span style="--score:0.97" title="0.97">Lima</span>' in page
    assert '<span style="--score:0.00" title="0.00"> is</span>' in page


def test_how_to_reproduce(write):
    page = write(manifest={"command": "winnow run experiment=tiny", "seeds": {"world": 3}})
    assert "<dt>command</dt><dd><code>winnow run experiment=tiny</code></dd>" in page
    assert "&quot;world&quot;: 3" in page


def test_no_scores_at_all_is_still_a_page(write):
    assert "a report without a core" in write(scores=[])
