"""Ten bins, of which the upper five are memory."""

import numpy as np

from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.histogram import NUM_BINS, WIDTH, bars, bin_of, shares


def test_bins_begin_at_tenths_and_the_last_holds_one() -> None:
    scores = np.array([0, 0.099, 0.1, 0.499, 0.5, 0.95, 1.0])
    assert bin_of(scores).tolist() == [0, 0, 1, 4, 5, 9, 9]
    assert bin_of(np.array([THRESHOLD], dtype=np.float16)) == NUM_BINS // 2


def test_shares_are_of_all_scores() -> None:
    found = shares(np.array([0.05, 0.05, 0.95, 0.55]))
    assert found.tolist() == [0.5, 0, 0, 0, 0, 0.25, 0, 0, 0, 0.25]
    assert shares(np.array([])).tolist() == [0.0] * NUM_BINS


def test_bars_show_every_share_that_is_there() -> None:
    scores = np.concatenate([np.zeros(996), [0.71, 0.72, 0.73, 0.74]])
    lines = list(bars(shares(scores)))
    plain = [line.plain for line in lines]
    assert plain[0] == f"  0.0–0.1   99.6%  {'█' * WIDTH}"
    assert plain[7] == "  0.7–0.8    0.4%  █", "little is more than nothing"
    assert plain[1] == "  0.1–0.2    0.0%  "
    assert [line.style == "bold" for line in lines] == [False] * 5 + [True] * 5
    assert len(list(bars(shares(np.array([]))))) == NUM_BINS
