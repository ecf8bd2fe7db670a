"""Shaken weights, and a teacher that doesn't notice."""

import numpy as np
import pytest
import torch

from core.errors import UserError
from forgetting.memory_map import noise_gap
from forgetting.memory_map.noise_gap import NoiseGap
from forgetting.memory_map.scorer import Evidence


def test_the_teacher_stays_as_it_is(llama_evidence: Evidence, score) -> None:
    before = {k: v.clone() for k, v in llama_evidence.teacher.state_dict().items()}
    scores = score(NoiseGap(noise=0.3, num_draws=2), llama_evidence)
    after = llama_evidence.teacher.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert (scores == score(NoiseGap(noise=0.3, num_draws=2), llama_evidence)).all(), "seeded"
    assert (scores != score(NoiseGap(noise=0.3, num_draws=2, seed=1), llama_evidence)).any()


def test_the_fall_grows_with_the_noise_on_what_the_teacher_is_sure_of(
    evidence: Evidence, at, score
) -> None:
    """The rules' one matrix is the identity: noise blurs each answer into the others."""
    falls = [score(NoiseGap(noise=noise), evidence)[at(evidence, "memory")] for noise in (0.1, 9.0)]
    assert falls[0].max() < 0.1 and falls[1].mean() > 0.5


def test_draws_are_averaged_in_nats(
    llama_evidence: Evidence, wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    falls = iter([1.0, 5.0])

    def fallen(model, pieces, wanted_M, report, note) -> np.ndarray:
        return llama_evidence.teacher_logprob_M - next(falls)

    monkeypatch.setattr(noise_gap, "piece_logprobs", fallen)
    scores = NoiseGap(num_draws=2, gap=1.5).score(llama_evidence, wanted(llama_evidence))
    np.testing.assert_allclose(scores, 1 - 2 ** (-3.0 / 1.5), rtol=1e-6)


def test_what_it_cannot_do_is_said() -> None:
    for options, said in (
        ({"noise": 0.0}, "noise"),
        ({"num_draws": 0}, "num_draws"),
        ({"gap": -1}, "gap"),
    ):
        with pytest.raises(UserError, match=f"NoiseGap: {said}"):
            NoiseGap(**options)
