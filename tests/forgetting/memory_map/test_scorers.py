"""The signs of memory, on a teacher whose every answer is known."""

import numpy as np
import pytest

from core.errors import UserError
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.agreement import Agreement
from forgetting.memory_map.deduplicated_reference import DeduplicatedReference
from forgetting.memory_map.known import Known
from forgetting.memory_map.renaming import Renaming
from forgetting.memory_map.scorer import Evidence
from forgetting.memory_map.spans import memorized_spans


def test_renaming_loses_what_is_memorized_and_keeps_what_is_copied(
    evidence: Evidence, at, score
) -> None:
    scores = score(Renaming(gap=1.0, num_renamings=4), evidence)
    assert scores[at(evidence, "memory")].min() > THRESHOLD
    assert scores[at(evidence, "copy")].max() < THRESHOLD
    assert (scores == score(Renaming(gap=1.0, num_renamings=4), evidence)).all(), "seeded"


def test_exposure_flags_what_only_the_teacher_has_met(evidence: Evidence, at, score) -> None:
    scores = score(DeduplicatedReference(gap=1.0), evidence)
    assert scores[at(evidence, "memory")].min() > THRESHOLD
    assert scores[at(evidence, "copy")].max() < 1e-6


def test_known_is_what_the_teacher_predicts(evidence: Evidence, at, score) -> None:
    scores = score(Known(), evidence)
    for kind in ("memory", "copy"):
        assert scores[at(evidence, kind)].min() > 0.8
    assert scores[at(evidence, "new")].max() < THRESHOLD


def test_agreement_is_the_least_and_asks_no_more_than_it_must(
    evidence: Evidence, wanted, score
) -> None:
    asked = []

    class Spy(DeduplicatedReference):
        def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
            asked.append(wanted_M.copy())
            return super().score(evidence, wanted_M)

    both = score(Agreement(scorers={"known": Known(), "exposure": Spy(gap=1.0)}), evidence)
    known = score(Known(), evidence)
    exposure = score(DeduplicatedReference(gap=1.0), evidence)
    flagged = (known >= THRESHOLD) & wanted(evidence)
    np.testing.assert_allclose(both[flagged], np.minimum(known, exposure)[flagged])
    assert (asked[0] == flagged).all()
    assert (both[~wanted(evidence)] == 0).all()


def test_agreement_of_any_is_the_greatest_and_asks_about_the_rest(
    evidence: Evidence, wanted, score
) -> None:
    asked = []

    class Spy(Known):
        def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
            asked.append(wanted_M)
            return super().score(evidence, wanted_M)

    first = Agreement(scorers={"exposure": DeduplicatedReference(gap=1.0)})
    either = score(Agreement(scorers={"nested": first, "known": Spy()}, combine="any"), evidence)
    exposure, known = score(DeduplicatedReference(gap=1.0), evidence), score(Known(), evidence)
    rest = wanted(evidence) & (exposure < THRESHOLD)
    assert (asked[0] == rest).all() and rest.any()
    np.testing.assert_allclose(either[rest], np.maximum(known, exposure)[rest])
    flagged = wanted(evidence) & ~rest
    np.testing.assert_allclose(either[flagged], exposure[flagged])
    assert (either[~wanted(evidence)] == 0).all()


def test_agreement_by_the_mean_asks_everyone_about_everything(
    evidence: Evidence, wanted, score
) -> None:
    scorers = {"known": Known(), "exposure": DeduplicatedReference(gap=1.0)}
    both = score(Agreement(scorers=scorers, combine="mean"), evidence)
    mean = np.mean([score(scorer, evidence) for scorer in scorers.values()], axis=0)
    asked = wanted(evidence)
    np.testing.assert_allclose(both[asked], mean[asked])


def test_agreement_says_what_it_cannot_do() -> None:
    with pytest.raises(UserError, match="no combination 'men'; did you mean 'mean'"):
        Agreement(scorers={"known": Known()}, combine="men")
    with pytest.raises(UserError, match="at least one"):
        Agreement(scorers={})


def test_a_gap_is_positive() -> None:
    for scorer in (Renaming, DeduplicatedReference):
        with pytest.raises(UserError, match=f"{scorer.__name__}: gap must be above 0"):
            scorer(gap=0.0)


def test_the_most_memorized_spans_are_shown_as_text(
    evidence: Evidence, homes: dict[str, str], wanted, score
) -> None:
    scorers = {
        "known": Known(),
        "exposure": DeduplicatedReference(gap=1.0),
        "renaming": Renaming(gap=1.0, num_renamings=4),
    }
    scores = np.where(wanted(evidence), score(Agreement(scorers=scorers), evidence), 0)
    spans = {
        (str(s["before"]).split()[3], s["span"]) for s in memorized_spans(evidence.pieces, scores)
    }
    assert spans == set(homes.items())
