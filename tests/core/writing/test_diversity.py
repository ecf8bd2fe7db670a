"""Figures of diversity are those counted by hand."""

import pytest

from core.writing.diversity import diversity


def test_counted_by_hand() -> None:
    found = diversity(["a b a b", "A c"])
    assert found["words"] == 6
    assert found["distinct_1"] == 0.5  # a, b, c of six
    assert found["distinct_2"] == 0.75  # ab, ba, ac of ab, ba, ab, ac
    assert found["distinct_3"] == 1 and found["distinct_4"] == 1
    assert found["entropy"] == pytest.approx(1.459, abs=1e-3)  # 3, 2 and 1 of six


def test_repeats_can_be_compressed_and_nothing_has_no_figures() -> None:
    said = diversity(["the same again"] * 100)
    assert said["compression"] > 20 and said["distinct_3"] == 0.01
    assert diversity(["", "…"]) == {}
