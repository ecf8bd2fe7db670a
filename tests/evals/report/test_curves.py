"""Attack curves: a panel an attack, a line an arm."""

import re
from pathlib import Path

import pytest

from evals.report.curves import curves_of, draw_curves
from evals.scores import Score


def score(arm: str, axis: str, step: int | None, value: float, family: str = "all") -> Score:
    return Score(arm, axis, family, "accuracy", value, 0.02, 50, 0.1, False, step=step)


@pytest.fixture
def attacked() -> list[Score]:
    return [
        *(
            score(arm, "relearn_disjoint", step, 0.1)
            for arm in ("core", "rebound")
            for step in (25, 0)
        ),
        score("core", "benign", 5, 0.2),
        score("core", "relearn_disjoint", 25, 0.9, family="lr=1"),
        score("core", "distractor", 32, 0.2, family="recall"),
        score("core", "distractor", 32, 0.3, family="verbatim"),
        score("core", "recall", None, 0.1),
        score("goldfish-0.5", "relearn_disjoint", 25, 0.5),
    ]


def test_curves_go_by_step_and_hold_no_parts_and_no_ablation(attacked: list[Score]) -> None:
    found = curves_of(attacked)
    assert {axis: set(arms) for axis, arms in found.items()} == {
        "relearn_disjoint": {"core", "rebound"},
        "benign": {"core"},
        "distractor": {"core"},
        "distractor_verbatim": {"core"},
    }
    assert [s.value for s in found["distractor_verbatim"]["core"]] == [0.3]
    assert [s.step for s in found["relearn_disjoint"]["core"]] == [0, 25]


def test_a_panel_an_attack_and_a_name_for_each_arm(attacked: list[Score], tmp_path: Path) -> None:
    draw_curves(attacked, tmp_path / "c.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "c.svg").read_text())
    assert "half a is taught again: half b" in texts and "its tokens" in texts
    assert "tuned on reasoning alone: facts" in texts
    assert texts.count("core") == texts.count("rebound") == 1 and "goldfish-0.5" not in texts


def test_the_same_scores_give_the_same_picture(attacked: list[Score], tmp_path: Path) -> None:
    draw_curves(attacked, tmp_path / "a.svg")
    draw_curves(attacked, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
