"""The memory metrics and the attacks as tables: what was measured, and what wasn't."""

from evals.report.memories import (
    attack_columns,
    attacks_missing,
    memories,
    memory_columns,
    metrics_missing,
    worst_attacks,
)
from evals.scores import Score

ARMS = {"core": 0.1, "never_exposed": 0.05, "plain": 0.9}


def rows(axis: str, metric: str, *, family: str = "all", step: int | None = None, plus: float = 0):
    return [
        Score(arm, axis, family, metric, value + plus, 0.01, 50, 0.04, False, step=step)
        for arm, value in ARMS.items()
    ]


def test_a_column_a_metric_with_its_numbers_and_units() -> None:
    scores = [
        *rows("recall", "accuracy"),
        *rows("recall", "stored_bits", plus=2),
        *rows("recall", "sampled_leak@20"),
        *rows("recall", "sampled_leak@20", family="city", plus=0.05),
        *rows("verbatim", "exact_match@0.25"),
        *rows("verbatim", "exact_match@0.5"),
        *rows("verbatim", "extractable@20,0.9"),
    ]
    heads = [column.head for column in memory_columns(scores, "recall")]
    assert heads == ["among 20 real samples", "stored bits a fact"]
    assert [column.head for column in memory_columns(scores, "verbatim")] == [
        "recited after 25\u00a0%",
        "recited after 50\u00a0%",
        "extractable, n, p = 20, 0.9",
    ]
    page = memories(scores)
    assert "<td>10.0 <small>±&thinsp;1.0</small></td><td>2.1 <small>" in page, "bits as they are"
    assert '<tr class="control"><th scope="row">never exposed</th>' in page
    assert metrics_missing(scores) == ["abstention", "membership", "linear_probe"]
    assert "Not measured: abstention, membership, linear probe." in page
    assert "metric=[abstention,membership,linear_probe]" in page


def test_an_attack_shows_its_worst_step_and_not_what_was_before_it() -> None:
    scores = [
        *rows("relearn_disjoint", "accuracy", step=0, plus=0.09),
        *rows("relearn_disjoint", "accuracy", step=25, plus=0.05),
        *rows("relearn_disjoint", "accuracy", step=100, plus=0.02),
        *rows("relearn_disjoint", "accuracy", family="lr=1e-3", step=100, plus=0.08),
        *rows("relearn_direct", "accuracy", step=100),
        *rows("quantize_4bit", "accuracy", family="recall"),
        *rows("quantize_4bit", "accuracy", family="verbatim"),
        *rows("sampling", "leak", family="recall", step=20, plus=-0.01),
        *rows("sampling", "leak", family="recall", step=100),
        *rows("rephrase", "accuracy", family="question"),
    ]
    columns = {column.head: column.score for column in attack_columns(scores)}
    assert list(columns) == [
        "half b, half a taught again",
        "4-bit weights: facts",
        "4-bit weights: passages",
        "among 100 samples: facts",
        "asked as question",
    ]
    worst = columns["half b, half a taught again"](scores, "core")
    assert (worst.step, worst.value) == (25, 0.1 + 0.05)
    assert columns["among 100 samples: facts"](scores, "core").step == 100
    assert columns["asked as question"](scores, "rebound") is None
    assert attacks_missing(scores) == ["benign", "distractor"]
    assert "Not measured: benign, distractor." in worst_attacks(scores)


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert memories([]) == worst_attacks([]) == ""
