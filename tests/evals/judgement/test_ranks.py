"""Figures of how well scores tell right from wrong, on numbers whose answer is known."""

import pytest

from evals.judgement.ranks import auroc, calibration_error, concordance, mean_of, within_problems


def test_auroc_is_the_share_of_pairs_in_order() -> None:
    assert auroc([0.9, 0.4], [0.5, 0.1]) == 0.75
    assert auroc([0.5], [0.5]) == 0.5


def test_within_problems_how_hard_a_problem_is_tells_nothing() -> None:
    easy = [(0.9, True), (0.9, False), (0.9, True)]
    hard = [(0.1, False), (0.1, False), (0.1, True)]
    found = within_problems([easy, hard, [(1.0, True)]])
    assert found.value == 0.5 and found.n == 2, "a problem without wrong solutions has no pair"


def test_a_mean_has_a_standard_error_over_problems() -> None:
    found = mean_of([0.0, 1.0, 1.0, 0.0])
    assert found.value == 0.5 and found.stderr == pytest.approx(0.28868, abs=1e-4)
    assert mean_of([1.0]).stderr is None and mean_of([]).value is None


def test_concordance_counts_pairs_that_differ_in_truth() -> None:
    assert concordance([1, 2, 3], [0.1, 0.5, 0.9]) == 1.0
    assert concordance([3, 2, 1], [0.1, 0.5, 0.9]) == 0.0
    assert concordance([1, 1, 2], [0.2, 0.8, 0.8]) == 0.75
    assert concordance([1, 2], [0.5, 0.5]) is None


def test_calibration_error_is_the_gap_between_shares_and_probabilities() -> None:
    assert calibration_error([0.75] * 4, [True, True, True, False]) == 0
    assert calibration_error([0.95] * 4, [False] * 4) == pytest.approx(0.95)
    assert calibration_error([1.0, 0.0], [True, False]) == 0
