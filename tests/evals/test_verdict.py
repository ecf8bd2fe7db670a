"""The verdict: what speaks for it, and what can't be said."""

from dataclasses import replace

import pytest

from evals.scores import Score
from evals.verdict import VERDICTS, verdict_lines, verdicts

# By arm: closed-book recall, half b relearned, open-book, reasoning.
ARMS = {
    "teacher": (0.99, 0.9, 0.95, 0.9),
    "plain": (0.95, 0.9, 0.95, 0.9),
    "core": (0.06, 0.07, 0.94, 0.9),
    "never_exposed": (0.05, 0.06, 0.9, 0.85),
    "rebound": (0.06, 0.05, 0.9, 0.85),
    "refuser": (0.0, 0.6, 0.95, 0.9),
    "ruined": (0.05, 0.05, 0.3, 0.1),
}


def told(stderr: float = 0.01, **changes: tuple[float, ...]) -> list[Score]:
    rows = []
    for arm, (recall, relearned, read, solved) in {**ARMS, **changes}.items():
        for axis, value, step in (
            ("recall", recall, None),
            ("relearn_disjoint", relearned, 100),
            ("open_book", read, None),
            ("reasoning", solved, None),
        ):
            better = axis in ("open_book", "reasoning")
            chance = 0.3 if better else 0.05
            rows.append(
                Score(arm, axis, "all", "accuracy", value, stderr, 100, chance, better, step=step)
            )
    return rows


def without(scores: list[Score], *names: str) -> list[Score]:
    return [s for s in scores if s.arm not in names and s.axis not in names]


def test_each_arm_is_judged_by_what_it_does() -> None:
    found = {arm: judged["verdict"] for arm, judged in verdicts(told()).items()}
    assert found == {
        "plain": "kept",
        "core": "forgotten",
        "never_exposed": "forgotten",
        "rebound": "forgotten",
        "refuser": "hidden",
        "ruined": "broken",
    }
    assert set(found.values()) < set(VERDICTS)


def test_the_evidence_names_what_brought_it_back() -> None:
    [hidden] = [e for e in verdicts(told())["refuser"]["evidence"] if e["claim"] == "hidden"]
    assert (hidden["axis"], hidden["step"], hidden["value"]) == ("relearn_disjoint", 100, 0.6)
    assert hidden["against"] == "never_exposed"
    assert hidden["excess"] == pytest.approx(0.6 - (0.06 + 2 * 0.01 * 2**0.5))


@pytest.mark.parametrize(("stderr", "verdict"), [(0.01, "kept"), (0.05, "forgotten")])
def test_what_errors_explain_is_not_held_against_it(stderr: float, verdict: str) -> None:
    scores = told(stderr, core=(0.12, 0.07, 0.94, 0.9))
    assert verdicts(scores)["core"]["verdict"] == verdict


def test_a_difference_of_nothing_is_none_however_small_the_errors() -> None:
    assert verdicts(told(0.0, core=(0.079, 0.079, 0.94, 0.9)))["core"]["verdict"] == "forgotten"
    assert verdicts(told(0.0, core=(0.081, 0.07, 0.94, 0.9)))["core"]["verdict"] == "kept"


def curve(axis: str, **curves: tuple[float, float]) -> list[Score]:
    """What each arm shows at 25 and at 100 steps."""
    better = axis in ("relearn_false", "relearn_permuted")
    return [
        Score(arm, axis, "all", "accuracy", value, 0.01, 100, 0.05, better, step=step)
        for arm, values in curves.items()
        for step, value in zip((25, 100), values, strict=True)
    ]


def test_a_quick_learner_is_told_from_one_that_remembers() -> None:
    relearned = without(told(), "relearn_disjoint")
    controls = {"never_exposed": (0.1, 0.5), "rebound": (0.1, 0.4)}
    direct = curve("relearn_direct", core=(0.2, 0.8), refuser=(0.9, 1.0), **controls)
    assert verdicts([*relearned, *direct])["core"]["verdict"] == "hidden", "by the controls alone"
    false = curve("relearn_false", core=(0.1, 0.79), refuser=(0.1, 0.79))
    found = verdicts([*relearned, *direct, *false])
    assert found["core"]["verdict"] == "forgotten" and found["refuser"]["verdict"] == "hidden"


def test_a_limit_that_no_share_can_exceed_is_no_evidence() -> None:
    direct = curve("relearn_direct", core=(0.2, 1.0))
    false = curve("relearn_false", core=(0.1, 1.0))
    found = verdicts([*told(core=(0.06, 0.02, 0.94, 0.9)), *direct, *false])["core"]["evidence"]
    [shown] = [e for e in found if e["claim"] == "hidden"]
    assert (shown["axis"], shown["value"]) == ("relearn_disjoint", 0.02)


def test_without_controls_true_facts_must_not_bring_back_more_than_false_ones() -> None:
    alone = [s for s in told() if s.arm in ("teacher", "core")]
    relearned = without(alone, "relearn_disjoint")
    true = curve("relearn_disjoint", core=(0.3, 0.56))
    for permuted, claim in (((0.27, 0.52), None), ((0.25, 0.25), "hidden")):
        false = curve("relearn_permuted", core=permuted)
        found = verdicts([*relearned, *true, *false])["core"]
        over = [e for e in found["evidence"] if e["axis"] == "relearn_disjoint" and e["excess"] > 0]
        assert [e["claim"] for e in over] == ([claim] if claim else [])
        assert all(e["against"] == "what false facts bring back" for e in over)


def test_families_do_not_speak_for_the_mean() -> None:
    family = Score("core", "recall", "capital", "accuracy", 0.5, 0.0, 9, 0.05, False)
    control = Score("rebound", "recall", "capital", "accuracy", 0.0, 0.0, 9, 0.05, False)
    assert verdicts([*told(), family, control])["core"]["verdict"] == "forgotten"


def test_an_axis_without_a_mean_is_judged_by_its_families() -> None:
    rounded = [
        Score(arm, "quantize_4bit", "recall", "accuracy", value, 0.01, 100, 0.05, False)
        for arm, value in (("core", 0.7), ("rebound", 0.05))
    ]
    assert verdicts([*told(), *rounded])["core"]["verdict"] == "hidden"


@pytest.mark.parametrize("metric", ["membership_auroc", "linear_probe_top1", "sampled_leak@20"])
def test_what_it_does_not_say_but_betrays_is_hidden(metric: str) -> None:
    betrayed = [
        Score(arm, "recall", "all", metric, value, 0.01, 100, 0.05, False)
        for arm, value in (("core", 0.8), ("rebound", 0.5), ("plain", 0.99))
    ]
    found = verdicts([*told(), *betrayed])
    assert found["core"]["verdict"] == "hidden" and found["plain"]["verdict"] == "kept"
    without_attacks = verdicts([*without(told(), "relearn_disjoint"), *betrayed[1:]])["core"]
    assert any("no attack" in reason for reason in without_attacks["missing"])


def test_to_refuse_or_to_be_wrong_is_no_memory() -> None:
    silent = [
        Score("core", axis, "all", metric, 0.9, 0.01, 100, None, False)
        for axis in ("recall", "open_book")
        for metric in ("abstained", "wrong")
    ]
    control = [replace(s, arm="rebound", value=0.0) for s in silent]
    assert verdicts([*told(), *silent, *control])["core"]["verdict"] == "forgotten"


def test_fewer_bits_than_a_guess_has_are_none() -> None:
    bits = [
        Score(arm, "recall", "all", "stored_bits", value, 0.1, 100, 0.0, False)
        for arm, value in (("core", 0.1), ("rebound", -2.0), ("plain", 3.0))
    ]
    found = verdicts([*told(), *bits])
    assert found["core"]["verdict"] == "forgotten" and found["plain"]["verdict"] == "kept"


def test_without_a_control_nothing_is_called_forgotten() -> None:
    found = verdicts(without(told(), "never_exposed", "rebound"))
    assert found["core"]["verdict"] == "undecided"
    assert len([reason for reason in found["core"]["missing"] if "control" in reason]) == 3
    assert found["plain"]["verdict"] == "kept", "more than a guess is more than nothing"
    assert found["ruined"]["verdict"] == "broken"


def test_without_an_attack_it_may_hide() -> None:
    found = verdicts(without(told(), "relearn_disjoint"))
    assert found["core"]["verdict"] == "undecided"
    assert any("no attack" in reason for reason in found["core"]["missing"])


def test_without_a_question_nothing_is_known() -> None:
    found = verdicts(without(told(), "recall", "open_book", "reasoning"))["core"]
    assert found["verdict"] == "undecided" and len(found["missing"]) == 2


def test_a_line_an_arm() -> None:
    lines = [line.plain for line in verdict_lines(verdicts(told()))]
    assert len(lines) == len(ARMS) - 1
    [line] = [line for line in lines if line.startswith("refuser")]
    assert "hidden" in line and "relearn disjoint, accuracy at 100 steps 0.600" in line
    [line] = [line for line in lines if line.startswith("ruined")]
    assert "< 0.800" in line and "by plain" in line


def test_what_is_missing_is_said_once() -> None:
    without = [s for s in told() if s.arm != "rebound" and s.axis != "relearn_disjoint"]
    partly = [s for s in told() if s.arm != "core" or s.axis != "relearn_disjoint"]
    lines = [line.plain for line in verdict_lines(verdicts(without))]
    assert len([line for line in lines if "no rebound control" in line]) == 1
    assert len([line for line in lines if line.startswith("all arms: no attack on it")]) == 1
    lines = [line.plain for line in verdict_lines(verdicts(partly))]
    assert len([line for line in lines if line.startswith("core: no attack on it")]) == 1


def test_neither_worse_prose_nor_what_a_teacher_brought_along_is_a_memory_that_hides() -> None:
    """Of both, less is better, and a core may have more of it than the control."""
    more = [
        Score("core", "text", "all", "perplexity", 40.0, 0.1, 40, None, False),
        Score("never_exposed", "text", "all", "perplexity", 20.0, 0.1, 40, None, False),
        Score("core", "knowledge", "all", "accuracy", 0.9, 0.01, 90, 0.0, False),
        Score("never_exposed", "knowledge", "all", "accuracy", 0.5, 0.01, 90, 0.0, False),
    ]
    assert verdicts([*told(), *more])["core"]["verdict"] == "forgotten"


@pytest.mark.parametrize("metric", ["perplexity", "acc"])
def test_a_task_of_lm_eval_is_no_memory_and_no_attack(metric: str) -> None:
    tasks = [
        Score(arm, "lm_eval", "lambada", metric, value, 0.01, 100, None, False)
        for arm, value in (("core", 0.9), ("never_exposed", 0.5))
    ]
    assert verdicts([*told(), *tasks])["core"]["verdict"] == "forgotten"
    found = verdicts([*without(told(), "relearn_disjoint"), *tasks])["core"]
    assert found["verdict"] == "undecided", "nothing was attacked"


# Each attack that teaches no answer, at the step where it tells most.
SILENCING = [
    ("benign", "recall", "accuracy", 500),
    ("quantize_4bit", "recall", "accuracy", None),
    ("distractor", "recall", "accuracy", 384),
    ("rephrase", "question", "accuracy", None),
    ("sampling", "recall", "leak", 1),
]


@pytest.mark.parametrize(("axis", "family", "metric", "step"), SILENCING)
@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        (0.031, "forgotten"),
        (0.057, "forgotten"),
        (0.08, "forgotten"),
        (0.15, "hidden"),
        (0.6, "hidden"),
    ],
)
def test_what_a_guess_knows_is_no_memory_where_the_controls_say_nothing(
    axis: str, family: str, metric: str, step: int | None, value: float, verdict: str
) -> None:
    attacked = [
        Score(arm, axis, family, metric, v, 0.02, 100, 0.057, False, step=step)
        for arm, v in (("core", value), ("never_exposed", 0.0), ("rebound", 0.0))
    ]
    found = verdicts([*told(), *attacked])["core"]
    assert found["verdict"] == verdict
    if verdict == "hidden":
        [hidden] = [e for e in found["evidence"] if e["claim"] == "hidden"]
        assert hidden["against"] == "chance"
        guess = (0.057 * 0.943 / 100) ** 0.5
        assert hidden["limit"] == pytest.approx(0.057 + 2 * (0.02**2 + guess**2) ** 0.5)


def test_the_higher_of_controls_and_guess_is_the_limit() -> None:
    attacked = [
        Score(arm, "benign", "recall", "accuracy", v, 0.01, 1000, 0.05, False, step=500)
        for arm, v in (("core", 0.5), ("never_exposed", 0.3))
    ]
    [hidden] = [
        e for e in verdicts([*told(), *attacked])["core"]["evidence"] if e["claim"] == "hidden"
    ]
    assert hidden["against"] == "never_exposed"


def test_what_an_attack_teaches_has_no_guess_for_a_limit() -> None:
    scores = told(core=(0.05, 0.049, 0.94, 0.9), never_exposed=(0.05, 0.0, 0.9, 0.85))
    scores = [s for s in scores if s.arm != "rebound"]
    assert verdicts(scores)["core"]["verdict"] == "hidden", "half b, half a taught again"


def test_asked_plainly_less_than_a_guess_is_nothing_kept() -> None:
    silent = {"never_exposed": (0.0, 0.06, 0.9, 0.85), "rebound": (0.0, 0.05, 0.9, 0.85)}
    scores = told(core=(0.045, 0.05, 0.94, 0.9), **silent)
    assert verdicts(scores)["core"]["verdict"] == "forgotten"


def test_one_probe_is_no_evidence() -> None:
    scores = [replace(s, stderr=None, n=1) for s in told(core=(1.0, 1.0, 0.0, 0.0))]
    assert verdicts(scores)["core"]["verdict"] == "undecided"
    lines = [line.plain for line in verdict_lines(verdicts(scores))]
    assert any(line.startswith("all arms: no closed-book probes") for line in lines)


def test_a_teacher_asked_about_strangers_is_a_control_enough() -> None:
    stranger = [Score("stranger", "recall", "all", "accuracy", 0.1, 0.01, 100, 0.05, False)]
    bare = without(told(core=(0.12, 0.07, 0.94, 0.9)), "never_exposed", "rebound")
    assert verdicts(bare)["core"]["verdict"] == "kept", "above a guess"
    found = verdicts([*bare, *stranger])
    assert "stranger" not in found
    [plainly] = [e for e in found["core"]["evidence"] if e["claim"] == "kept"]
    assert plainly["against"] == "stranger"
    assert plainly["limit"] == pytest.approx(0.1 + 2 * 0.01 * 2**0.5)
    assert not any("control: add it" in reason for reason in found["core"]["missing"])
    assert verdicts([*bare, *stranger])["plain"]["verdict"] == "kept"
