"""Ways to forget side by side: a table, and one curve a method."""

from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.image import imread

from evals.report import ablation
from evals.report.ablation import ablation_table, draw_ablation
from evals.scores import Score, methods_of

ARMS = {"plain": (0.9, 0.8), "never_exposed": (0.1, 0.8), "a-0.5": (0.5, 0.7), "a-1": (0.1, 0.6)}


@pytest.fixture
def ablated() -> list[Score]:
    return [
        Score(arm, axis, "all", "accuracy", value, 0.01, 100, 0.1, axis == "reasoning")
        for arm, values in {
            **ARMS,
            "dream+goldfish-0.25": (0.3, 0.9),
            "half-baked": (0.0, 0.0),
            "gpt-2": (0.0, 0.0),
        }.items()
        for axis, value in zip(("recall", "reasoning"), values, strict=True)
    ]


def test_methods_are_told_by_the_names_of_arms(ablated: list[Score]) -> None:
    assert methods_of(ablated) == {
        "a": [(0.5, "a-0.5"), (1.0, "a-1")],
        "dream+goldfish": [(0.25, "dream+goldfish-0.25")],
    }


def test_the_table_has_a_row_a_strength(ablated: list[Score]) -> None:
    head, _, *rows = ablation_table(ablated).splitlines()
    assert head == "| method | strength | recall | reasoning |"
    assert rows[:2] == [
        "| plain |  | 90.0 ± 1.0 | 80.0 ± 1.0 |",
        "| never_exposed |  | 10.0 ± 1.0 | 80.0 ± 1.0 |",
    ]
    assert rows[2:4] == [
        "| a | 0.5 | 50.0 ± 1.0 | 70.0 ± 1.0 |",
        "| a | 1 | 10.0 ± 1.0 | 60.0 ± 1.0 |",
    ]
    assert len(rows) == 5


def test_a_curve_goes_through_what_is_left_of_plain(
    ablated: list[Score], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = {}
    monkeypatch.setattr(
        "matplotlib.axes.Axes.errorbar",
        lambda self, x, y, *, label, **_: drawn.update({label: list(zip(x, y, strict=True))}),
    )
    monkeypatch.setattr("matplotlib.figure.Figure.legend", lambda *_, **__: None)
    draw_ablation(ablated, tmp_path / "a.png")
    assert drawn["plain"] == [pytest.approx((100, 100))]
    assert drawn["a"] == [pytest.approx((50, 600 / 7)), pytest.approx((0, 500 / 7))]
    assert drawn.keys() == {"plain", "never exposed", "a", "dream+goldfish"}


def test_the_picture(ablated: list[Score], tmp_path: Path) -> None:
    draw_ablation(ablated, tmp_path / "a.png")
    assert imread(tmp_path / "a.png").shape[2] == 4
    assert len(ablation.COLOURS) * len(ablation.MARKERS) > 15


def test_errors_of_which_nothing_is_known_are_not_drawn(
    ablated: list[Score], tmp_path: Path
) -> None:
    draw_ablation([replace(s, stderr=None, n=1) for s in ablated], tmp_path / "a.png")
    assert (tmp_path / "a.png").exists()
