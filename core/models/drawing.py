"""Draw a next token by inverse cumulative probability: which one a number in [0, 1) falls on.

Shapes: R rows, K draws of each, V vocabulary, N blocks of B tokens.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

BLOCK = 512  # tokens


def draw(logits_RV: Tensor, draws_RK: Tensor) -> Tensor:
    """Token ids (R, K) at numbers (R, K) in [0, 1), float64, from the distribution of float32 logits.

    First the block of the vocabulary, then the token in it: sums of blocks are much faster to make than
    cumulative probabilities of a quarter of a million tokens.
    """
    size = logits_RV.shape[1]
    weight_RV = (logits_RV - logits_RV.amax(1, keepdim=True)).exp_()
    weight_RNB = pad(weight_RV, (0, -size % BLOCK)).unflatten(1, (-1, BLOCK))
    ends_RN = weight_RNB.sum(2, dtype=torch.float64).cumsum(1)
    aim_RK = draws_RK.to(logits_RV.device) * ends_RN[:, -1:]
    block_RK = _first_above(ends_RN, aim_RK)
    before_RK = pad(ends_RN, (1, 0)).gather(1, block_RK)
    rows_R1 = torch.arange(len(logits_RV), device=logits_RV.device)[:, None]
    inside_RKB = weight_RNB[rows_R1, block_RK].double().cumsum(2)
    place_RK = _first_above(inside_RKB, (aim_RK - before_RK)[..., None])[..., 0]
    return (block_RK * BLOCK + place_RK).clamp(max=size - 1)


def _first_above(ends: Tensor, aim: Tensor) -> Tensor:
    """Where a cumulative sum first exceeds a value: its last place where rounding keeps it below."""
    found = torch.searchsorted(ends, aim.contiguous(), right=True)
    return found.clamp(max=ends.shape[-1] - 1)
