"""Gradients are clipped, and their noise has the norm that was told."""

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from forgetting.gradient_noise import GradientNoise


def flat(student: PreTrainedModel) -> Tensor:
    return torch.cat([weight.grad.flatten() for weight in student.parameters()])


def with_gradients(student: PreTrainedModel, norm: float) -> PreTrainedModel:
    """Random gradients of this norm over all parameters."""
    for weight in student.parameters():
        weight.grad = torch.randn(
            weight.shape, generator=torch.Generator().manual_seed(weight.numel())
        )
    scale = norm / flat(student).norm()
    for weight in student.parameters():
        weight.grad.mul_(scale)
    return student


@pytest.mark.parametrize("norm", [0.0, 0.5, 40.0])
@pytest.mark.parametrize("strength, noise, clip", [(1.0, 0.1, 1.0), (0.5, 0.4, 3.0)])
def test_it_clips_and_adds_noise_of_the_told_norm(
    make_llama, norm: float, strength: float, noise: float, clip: float
) -> None:
    student = with_gradients(make_llama(), norm)
    before_P = flat(student)
    regularizer = GradientNoise(strength=strength, noise=noise, clip=clip)
    regularizer.edit_gradients(student, torch.Generator().manual_seed(0))
    added_P = flat(student) - before_P * min(1.0, clip / max(norm, clip))
    told = torch.tensor(strength * noise * clip)
    torch.testing.assert_close(added_P.norm(), told, rtol=0.03, atol=0)
    # Gaussian and alike everywhere, not a few large entries.
    torch.testing.assert_close(
        added_P.abs().max() / added_P.std(), torch.tensor(4.0), atol=1.0, rtol=0
    )
    torch.testing.assert_close(added_P.mean() / added_P.std(), torch.tensor(0.0), atol=0.03, rtol=0)


def test_at_strength_zero_large_gradients_stay_too(make_llama) -> None:
    student = with_gradients(make_llama(), 40.0)
    before_P = flat(student)
    GradientNoise(strength=0.0).edit_gradients(student, torch.Generator())
    assert torch.equal(flat(student), before_P)


def test_the_noise_comes_from_the_generator(make_llama) -> None:
    def edited(seed: int) -> Tensor:
        student = with_gradients(make_llama(), 1.0)
        GradientNoise().edit_gradients(student, torch.Generator().manual_seed(seed))
        return flat(student)

    assert torch.equal(edited(1), edited(1)) and not torch.equal(edited(1), edited(2))


def test_impossible_sizes_are_refused() -> None:
    for options, said in (
        ({"noise": -0.1}, "GradientNoise: noise must be 0 or more, not -0.1"),
        ({"clip": 0.0}, "GradientNoise: clip must be more than 0, not 0.0"),
        ({"clip": float("nan")}, "GradientNoise: clip must be more than 0, not nan"),
    ):
        with pytest.raises(UserError, match=said):
            GradientNoise(**options)
