"""Noise in what is read: its size, when it is there, and where it comes from."""

import math

import pytest
import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from forgetting.embedding_noise import EmbeddingNoise

IDS_BT = torch.arange(6 * 50).view(6, 50)
BATCH = {"input_ids": IDS_BT}


def noise(student: PreTrainedModel) -> Tensor:
    """What is added to the embeddings of one forward pass."""
    embedding = student.get_input_embeddings()
    return (embedding(IDS_BT) - embedding.weight[IDS_BT]).detach()


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_it_is_uniform_and_as_large_as_told(make_llama, strength: float) -> None:
    student, regularizer = make_llama(), EmbeddingNoise(strength=strength, alpha=3.0)
    regularizer.prepare_student(student, generator(0))
    regularizer.edit_batch(BATCH, None, generator(0))
    noise_BTD = noise(student.train())
    bound = strength * 3.0 / math.sqrt(50 * 16)
    assert 0.99 * bound < noise_BTD.abs().max() < 1.01 * bound
    torch.testing.assert_close(noise_BTD.mean() / bound, torch.tensor(0.0), atol=0.03, rtol=0)
    inside = (noise_BTD.abs() < bound / 2).float().mean()
    torch.testing.assert_close(inside, torch.tensor(0.5), atol=0.03, rtol=0)


def test_it_comes_from_the_steps_generator(make_llama) -> None:
    student, regularizer = make_llama().train(), EmbeddingNoise()
    regularizer.prepare_student(student, generator(0))

    def drawn(seed: int) -> Tensor:
        torch.manual_seed(int(torch.randint(1000, ())))  # whatever the global state is
        assert regularizer.edit_batch(BATCH, None, generator(seed)) is BATCH
        return noise(student)

    first = drawn(1)
    assert torch.equal(noise(student), first), "a pass computed again is the same"
    assert not torch.equal(drawn(2), first)
    assert torch.equal(drawn(1), first)


def test_it_is_in_training_only_and_goes_when_folded(make_llama) -> None:
    student, regularizer = make_llama(), EmbeddingNoise()
    regularizer.prepare_student(student, generator(0))
    regularizer.edit_batch(BATCH, None, generator(0))
    assert not noise(student.eval()).any()
    assert noise(student.train()).any()
    regularizer.fold(student)
    assert not noise(student.train()).any()


def test_a_negative_alpha_is_refused() -> None:
    for alpha in (-1.0, float("nan")):
        with pytest.raises(UserError, match="EmbeddingNoise: alpha must be 0 or more"):
            EmbeddingNoise(alpha=alpha)
