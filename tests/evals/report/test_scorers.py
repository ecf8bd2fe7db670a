"""The table that compares scorers."""

from evals.report.scorers import scorer_table
from evals.scores import MAP, Score


def test_the_best_stands_first_and_what_was_not_measured_is_a_dash() -> None:
    scores = [
        Score(name, MAP, "all", metric, value, 0.01, 9, None, True)
        for name, metric, value in [
            ("memory_map", "auroc", 1.0),
            ("weak", "auroc", 0.6),
            ("weak", "skill_flagged", 0.034),
            ("strong", "auroc", 0.9),
            ("strong", "teacher_passes", 4.04),
        ]
    ]
    _, _, first, second = scorer_table(scores).splitlines()
    assert first == "| strong | 0.900 ± 0.010 | – | – | – | 4.0 |"
    assert second == "| weak | 0.600 ± 0.010 | – | – | 3.40 ± 1.00 | – |"
