import re
from itertools import pairwise

import pytest
from matplotlib.image import imread

from evals.report.frontier import draw_frontier
from evals.scores import Score


def test_a_picture_with_a_name_for_each_arm(tmp_path, scores):
    draw_frontier(scores, tmp_path / "frontier.png")
    assert imread(tmp_path / "frontier.png").shape == (800, 960, 4)
    draw_frontier(scores, tmp_path / "frontier.svg")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "frontier.svg").read_text())
    for text in ("teacher", "core", "rebound", "refuser", "recall by guessing"):
        assert texts.count(text) == 1
    assert any("keeps its reasoning, forgot the facts" in text for text in texts)
    assert {path.name for path in tmp_path.iterdir()} == {"frontier.png", "frontier.svg"}


@pytest.mark.parametrize("reasoning", [0.0, 0.65, 0.98])
def test_crowded_labels_do_not_cover_each_other(tmp_path, reasoning):
    arms = [f"arm{i}" for i in range(8)]
    crowd = [
        Score(
            arm,
            axis,
            "all",
            "accuracy",
            reasoning if axis == "reasoning" else 0.05,
            0.01,
            9,
            0.0,
            True,
        )
        for arm in arms
        for axis in ("recall", "reasoning")
    ]
    draw_frontier(crowd, tmp_path / "f.svg")
    svg = (tmp_path / "f.svg").read_text()
    heights = [float(re.search(rf'y="([\d.]+)"[^>]*>{arm}</text>', svg).group(1)) for arm in arms]
    heights.sort()
    gaps = [below - above for above, below in pairwise(heights)]
    assert min(gaps) > 12  # the letters are ten points high
    note = float(re.search(r'y="([\d.]+)"[^>]*>recall by guessing</text>', svg).group(1))
    assert heights[-1] < note - 10  # above what stands at the axis


def test_the_same_scores_give_the_same_picture(tmp_path, scores):
    draw_frontier(scores, tmp_path / "a.svg")
    draw_frontier(scores, tmp_path / "b.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


def test_arms_without_both_scores_are_left_out(tmp_path, scores):
    draw_frontier([s for s in scores if s.axis == "recall"], tmp_path / "f.svg")
    assert "no arm has both scores" in (tmp_path / "f.svg").read_text()
