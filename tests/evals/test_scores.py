import json
import math
from dataclasses import replace

import pytest

from core.errors import UserError
from evals.probes.answer import Answer
from evals.probes.probe import Probe
from evals.scores import (
    Score,
    arms_of,
    find,
    kept,
    lacking,
    over_seeds,
    read_scores,
    summarize,
    worst_relearned,
    write_atomically,
    write_scores,
)


def score(arm="core", axis="recall", value=0.1, stderr=0.01, chance=0.05, **rest) -> Score:
    return Score(arm, axis, "all", "accuracy", value, stderr, 100, chance, False, **rest)


@pytest.fixture
def summarized() -> list[Score]:
    probes = [
        Probe("1", "recall", "capital", "x", ("y",), chance=0.1),
        Probe("2", "recall", "capital", "x", ("y",), chance=0.1),
        Probe("3", "recall", "capital", "x", ("y",), chance=0.1),
        Probe("4", "recall", "symbol", "x", ("y",), chance=0.3),
        Probe("5", "reasoning", "order", "x", ("y",), chance=0.5),
    ]
    answers = [
        Answer("1", True, "y", math.log(0.5), 1),
        Answer("2", False, "n", math.log(0.1), 3),
        Answer("3", False, "n", math.log(0.1), 5),
        Answer("4", True, "y", math.log(1.0), 1),
        Answer("5", True, "y", math.log(0.8), 1),
    ]
    return summarize("core", probes, answers)


def test_accuracy_by_hand(summarized):
    overall = find(summarized, "core", "recall")
    assert (overall.value, overall.n, overall.higher_is_better) == (0.5, 4, False)
    assert overall.stderr == pytest.approx(0.25)
    assert overall.chance == pytest.approx(0.15)
    capital = find(summarized, "core", "recall", family="capital")
    assert (capital.value, capital.chance) == (pytest.approx(1 / 3), pytest.approx(0.1))
    assert capital.stderr == pytest.approx(math.sqrt(2 / 9 / 3))
    assert find(summarized, "core", "reasoning").higher_is_better


def test_leak_by_hand(summarized):
    leak = find(summarized, "core", "recall", family="capital", metric="leak@20")
    values = [1 - 0.5**20, 1 - 0.9**20, 1 - 0.9**20]
    mean = sum(values) / 3
    assert leak.value == pytest.approx(mean)
    variance = sum((v - mean) ** 2 for v in values) / 2
    assert leak.stderr == pytest.approx(math.sqrt(variance / 3))
    assert leak.chance == pytest.approx(1 - 0.9**20)
    assert find(summarized, "core", "reasoning", metric="leak@20") is None


def test_likelihood_and_rank_point_the_right_way(summarized):
    logprob = find(summarized, "core", "recall", family="symbol", metric="logprob")
    assert (logprob.value, logprob.chance, logprob.higher_is_better) == (0.0, None, False)
    rank = find(summarized, "core", "recall", metric="rank")
    assert (rank.value, rank.higher_is_better) == (2.5, True)
    assert not find(summarized, "core", "reasoning", metric="rank").higher_is_better


def test_an_axis_without_probes_is_missing(summarized):
    assert {s.axis for s in summarized} == {"recall", "reasoning"}


def test_kept_is_above_chance_with_propagated_error():
    scores = [
        score("teacher", "reasoning", 0.8, 0.02, 0.2),
        score("core", "reasoning", 0.5, 0.03, 0.2),
    ]
    value, error = kept(scores, "core", "reasoning")
    assert value == pytest.approx(0.5)
    assert error == pytest.approx(math.sqrt((0.03 / 0.6) ** 2 + (0.5 * 0.02 / 0.6) ** 2))
    assert kept(scores, "core", "recall") is None
    assert kept([score("teacher", value=0.05), score()], "core", "recall") is None


def test_worst_relearned_leaves_out_step_0():
    curve = [
        score(axis="relearn_disjoint", value=v, step=s)
        for s, v in [(0, 0.9), (25, 0.1), (100, 0.3)]
    ]
    assert worst_relearned(curve, "core").step == 100
    assert worst_relearned(curve[:1], "core") is None


def test_several_runs_are_told_by_their_mean_and_its_error():
    runs = [
        [score(value=v, chance=c), score("plain", value=0.9, step=s)]
        for v, c, s in ((0.1, 0.0, 25), (0.2, 0.1, 25), (0.6, 0.2, 100))
    ]
    [merged] = over_seeds(runs)  # a step that one run lacks is left out
    assert (merged.arm, merged.step, merged.n) == ("core", None, 300)
    assert merged.value == pytest.approx(0.3) and merged.chance == pytest.approx(0.1)
    # Squares from the mean: .04 + .01 + .09, over 2, over 3 runs.
    assert merged.stderr == pytest.approx(math.sqrt(0.14 / 2 / 3))
    bare = [[score(value=v, chance=None)] for v in (0.1, 0.3)]
    assert over_seeds(bare)[0].chance is None


def test_what_not_every_run_has_is_counted_by_arm() -> None:
    both = Score("core", "recall", "all", "accuracy", 0.1, 0.01, 100, 0.05, False)
    more = [replace(both, arm="rebound"), replace(both, axis="benign", step=4)]
    assert lacking([[both, *more], [both]]) == {"rebound": 1, "core": 1}
    assert lacking([[both], [both]]) == lacking([[both, *more]]) == {}


def test_one_run_is_told_as_it_is():
    only = [score(), score("plain")]
    assert over_seeds([only]) == only


def test_arms_come_in_their_order():
    names = ["zeta", "core", "plain", "alpha", "teacher"]
    assert arms_of(score(arm) for arm in names) == ["teacher", "plain", "core", "alpha", "zeta"]


def test_written_scores_are_read_back_and_carry_no_empty_step(tmp_path, summarized):
    path = tmp_path / "run" / "scores.json"
    scores = [*summarized, score(step=25)]
    write_scores(path, scores)
    assert read_scores(path) == scores
    rows = json.loads(path.read_text())
    assert [row.get("step", "none") for row in rows] == ["none"] * len(summarized) + [25]
    assert [p.name for p in path.parent.iterdir()] == ["scores.json"]


@pytest.mark.parametrize("text", ["[{", "3", '[{"arm": "core"}]', "[1]", '[{"x": 1}]'])
def test_a_corrupt_file_is_one_line(tmp_path, text):
    path = tmp_path / "scores.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"scores\.json is corrupt") as error:
        read_scores(path)
    assert "\n" not in str(error.value)


def test_a_value_of_the_wrong_type_is_corrupt_and_a_whole_number_is_not(tmp_path):
    path = tmp_path / "scores.json"
    write_scores(path, [score()])
    row = json.loads(path.read_text())[0]
    path.write_text(json.dumps([{**row, "value": 1}]))
    assert read_scores(path)[0].value == 1
    path.write_text(json.dumps([{**row, "value": "high"}]))
    with pytest.raises(UserError, match="value is 'high'"):
        read_scores(path)


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")

    def fail(part):
        part.write_text("half")
        raise OSError("no space left")

    with pytest.raises(OSError, match="no space left"):
        write_atomically(path, fail)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["scores.json"]


def test_of_one_probe_no_error_is_known(tmp_path):
    answers = [Answer("0", True, "a", -0.1, 1), Answer("1", False, "x", -2.0, 5)]
    probes = [
        Probe(str(n), axis, "f", "p", ("a",)) for n, axis in enumerate(("recall", "verbatim"))
    ]
    scores = summarize("core", probes, answers)
    assert scores and all((score.stderr, score.n) == (None, 1) for score in scores)
    write_scores(tmp_path / "scores.json", scores)
    assert read_scores(tmp_path / "scores.json") == scores
    both = [score("core", "recall", 0.8, None, 0.2), score("teacher", "recall", 1.0, 0.01, 0.2)]
    assert kept(both, "core", "recall") == (pytest.approx(0.75), None)
    seeds = over_seeds([[replace(both[0], value=value)] for value in (0.2, 0.4)])
    assert seeds[0].stderr == pytest.approx(0.1), "of two seeds one is"
