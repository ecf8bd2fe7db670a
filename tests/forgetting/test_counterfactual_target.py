"""The target of a memorized token is what a model that never saw it would say."""

import torch

from core.signal.signal import TopK
from forgetting.counterfactual_target import CounterfactualTarget

LABELS_M = torch.zeros(50, dtype=torch.long)


def logprobs(seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(50, 320, generator=generator).log_softmax(-1)


def test_the_target_is_the_mixture() -> None:
    teacher_MV, reference = logprobs(0), TopK.of(logprobs(1), 8)
    for strength in (0.25, 1.0):
        target_MV = CounterfactualTarget(strength=strength).target(teacher_MV, LABELS_M, reference)
        expected_MV = (1 - strength) * teacher_MV.exp() + strength * reference.dense(320).exp()
        torch.testing.assert_close(target_MV.exp(), expected_MV)


def test_at_full_strength_nothing_of_the_teacher_is_left() -> None:
    reference = TopK.of(logprobs(1), 8)
    targets = [
        CounterfactualTarget().target(teacher_MV, LABELS_M, reference)
        for teacher_MV in (logprobs(0), logprobs(2))
    ]
    assert torch.equal(*targets)
