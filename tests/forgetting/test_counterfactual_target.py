"""The target of a memorized token is what a model that never saw it would say."""

import torch
from datasets import Dataset

from core.signal import TeacherSignal
from forgetting.counterfactual_target import CounterfactualTarget


def test_the_target_is_the_mixture_and_the_label_fades(make_map, sequences: Dataset) -> None:
    memory = make_map().slice(torch.arange(4), torch.tensor(sequences["labels"][:4]))
    count, flagged_N = len(memory.score_N), memory.flagged_N
    teacher_NV = torch.randn(count, 320, generator=torch.Generator().manual_seed(3)).log_softmax(-1)
    signal = TeacherSignal(teacher_NV, torch.ones(count), torch.full((count,), 0.5))
    reference_MV = memory.reference.dense(320).exp()
    for strength in (0.25, 1.0):
        edited = CounterfactualTarget(strength=strength).edit_signal(
            signal, memory, torch.Generator()
        )
        expected_MV = (1 - strength) * teacher_NV[flagged_N].exp() + strength * reference_MV
        torch.testing.assert_close(edited.logprobs_NV[flagged_N].exp(), expected_MV)
        expected_M = torch.full_like(edited.label_weight_N[flagged_N], 0.5 * (1 - strength))
        torch.testing.assert_close(edited.label_weight_N[flagged_N], expected_M)
        assert torch.equal(edited.weight_N, signal.weight_N)


def test_at_full_strength_nothing_of_the_teacher_or_the_text_is_left(
    make_map, sequences: Dataset
) -> None:
    memory = make_map(score=1.0).slice(torch.arange(2), torch.tensor(sequences["labels"][:2]))
    count = len(memory.score_N)
    edited = [
        CounterfactualTarget(strength=1.0).edit_signal(
            TeacherSignal(
                torch.randn(count, 320, generator=torch.Generator().manual_seed(s)).log_softmax(-1),
                torch.ones(count),
                torch.full((count,), 0.5),
            ),
            memory,
            torch.Generator(),
        )
        for s in (0, 1)
    ]
    assert torch.equal(edited[0].logprobs_NV, edited[1].logprobs_NV)
    assert not edited[0].label_weight_N.any()
