"""Distributions kept in part, and the divergence from them."""

import math

import torch

from core.divergence import forward_kl, reduce, token_losses
from core.signal import TeacherSignal, TopK


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_top_k_is_a_distribution_with_its_likeliest_tokens_exact() -> None:
    logprobs_NV = (draw(5, 40) * 3).log_softmax(-1)
    kept = TopK.of(logprobs_NV, 8)
    dense_NV = kept.dense(40)
    torch.testing.assert_close(dense_NV.exp().sum(-1), torch.ones(5))
    torch.testing.assert_close(dense_NV.gather(1, kept.indices_NK), kept.logprobs_NK)
    rest = dense_NV.scatter(1, kept.indices_NK, math.nan)
    assert all(len(row[~row.isnan()].unique()) == 1 for row in rest), "the tail is even"


def test_a_certain_distribution_stays_finite() -> None:
    logprobs_NV = torch.tensor([[0.0, -200.0, -300.0, -400.0]])
    dense_NV = TopK.of(logprobs_NV, 2).dense(4)
    assert dense_NV.isfinite().all() and dense_NV[0, 0] == 0


def test_the_loss_mixes_divergence_and_label_and_weighs_tokens() -> None:
    logits_NV, labels_N = draw(3, 7), torch.tensor([1, 0, 6])
    teacher_NV = draw(3, 7, seed=1).log_softmax(-1)
    weight_N, share_N = torch.tensor([1.0, 0.5, 0.0]), torch.tensor([0.0, 0.25, 1.0])
    losses_N = token_losses(logits_NV, labels_N, TeacherSignal(teacher_NV, weight_N, share_N))
    student_NV = logits_NV.double().log_softmax(-1)
    kl_N = (teacher_NV.exp() * (teacher_NV - student_NV)).sum(-1)
    label_N = -student_NV[range(3), labels_N]
    expected_N = weight_N * ((1 - share_N) * kl_N + share_N * label_N)
    torch.testing.assert_close(losses_N.double(), expected_N.double(), rtol=1e-5, atol=1e-6)


def test_without_a_teacher_it_is_cross_entropy() -> None:
    logits_NV, labels_N = draw(3, 7), torch.tensor([1, 0, 6])
    ones_N = torch.ones(3)
    losses_N = token_losses(logits_NV, labels_N, TeacherSignal(None, ones_N, ones_N))
    torch.testing.assert_close(
        losses_N, torch.nn.functional.cross_entropy(logits_NV, labels_N, reduction="none")
    )


def test_the_gradient_of_forward_kl_matches_float64() -> None:
    logits_NV = (draw(6, 50) * 2).requires_grad_()
    teacher_NV = (draw(6, 50, seed=1) * 4).log_softmax(-1)
    reduce(forward_kl(logits_NV.log_softmax(-1), teacher_NV), 6).backward()
    expected_NV = (logits_NV.detach().double().softmax(-1) - teacher_NV.double().exp()) / 6
    torch.testing.assert_close(logits_NV.grad.double(), expected_NV, rtol=1e-4, atol=1e-7)


def test_what_the_teacher_rules_out_adds_nothing() -> None:
    teacher_NV = torch.tensor([[0.0, -math.inf]])
    logits_NV = torch.tensor([[0.5, -0.5]], requires_grad=True)
    loss_N = forward_kl(logits_NV.log_softmax(-1), teacher_NV)
    loss_N.sum().backward()
    assert loss_N.isfinite().all() and logits_NV.grad.isfinite().all()


def test_the_reduction_counts_masked_tokens_and_takes_nothing_at_all() -> None:
    assert reduce(torch.tensor([2.0, 0.0]), 4) == 0.5
    assert reduce(torch.zeros(0), 0) == 0
