"""Drawn tokens are those of the whole cumulative distribution."""

import pytest
import torch

from core.models.drawing import BLOCK, draw


@pytest.mark.parametrize("size", [7, BLOCK, BLOCK + 1, 5 * BLOCK - 3])
@pytest.mark.parametrize("count", [1, 20])
def test_a_token_is_drawn_as_from_the_cumulative_distribution(size: int, count: int) -> None:
    generator = torch.Generator().manual_seed(size)
    logits_RV = 3 * torch.randn(6, size, generator=generator)
    draws_RK = torch.rand(6, count, generator=generator, dtype=torch.float64)
    ends_RV = logits_RV.double().softmax(1).cumsum(1)
    expected = torch.searchsorted(ends_RV, draws_RK * ends_RV[:, -1:], right=True)
    assert torch.equal(draw(logits_RV, draws_RK), expected)


def test_what_has_no_probability_is_never_drawn() -> None:
    logits_RV = torch.full((1, 2 * BLOCK), float("-inf"))
    logits_RV[0, [3, BLOCK + 5]] = torch.tensor([0.0, 0.0])
    draws_RK = torch.tensor([[0.0, 0.25, 0.499999, 0.5, 0.75, 1 - 2**-53]], dtype=torch.float64)
    assert draw(logits_RV, draws_RK).tolist() == [[3, 3, 3, *[BLOCK + 5] * 3]]
