"""A share of all tokens leaves the loss, the same ones wherever a passage recurs."""

import torch
from torch import Tensor

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer

PRIME = 2**31 - 1
BASE = 1_664_525_447  # below the prime, so that every product stays below 2^63


class Goldfish(Regularizer):
    """Drop a token from the loss when a hash of the `context` tokens before it falls below strength / k.

    Goldfish loss (arXiv 2406.10209). The hash reads preceding tokens only, so every copy of a passage
    loses the same tokens and none of them is ever learned; a copy that differs within the context loses
    others. It needs no memory map. Unlike there, the loss is still divided by all taught tokens.
    """

    def __init__(self, *, strength: float = 1.0, k: int = 4, context: int = 13):
        """One token in `k` goes at strength 1. Raises UserError when `k` or `context` is below 1."""
        super().__init__(strength=strength)
        for name, value in (("k", k), ("context", context)):
            if value < 1:
                raise UserError(f"Goldfish: {name} must be 1 or more, not {value}")
        self.k, self.context = k, context

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Set `weight_N` to zero at the dropped tokens."""
        if self.strength == 0:
            return signal
        hash_BT = context_hash(batch["input_ids"], batch["position_ids"], self.context)
        taught_BT = batch["labels"][:, 1:] != IGNORED
        dropped_N = hash_BT[:, 1:][taught_BT] < int(PRIME * self.strength / self.k)
        return signal.with_(weight_N=signal.weight_N.masked_fill(dropped_N, 0.0))


def context_hash(input_ids_BT: Tensor, position_ids_BT: Tensor, context: int) -> Tensor:
    """A hash (B, T) in [0, PRIME) of the up to `context` tokens of the same row before each token.

    A polynomial in the ids, oldest first, so that their order counts, scrambled at the end: unscrambled,
    contexts that differ in their last token would hash a fixed distance apart. At a row's beginning it
    hashes what is there.
    """
    ids_BT, position_ids_BT = input_ids_BT.long(), position_ids_BT.long()
    hash_BT = torch.ones_like(ids_BT)  # not 0, at which tokens of id 0 would leave it
    for distance in range(min(context, ids_BT.shape[1] - 1), 0, -1):
        before_BT = torch.zeros_like(ids_BT)
        before_BT[:, distance:] = ids_BT[:, :-distance]
        longer_BT = (hash_BT * BASE + before_BT) % PRIME
        hash_BT = torch.where(position_ids_BT >= distance, longer_BT, hash_BT)
    for _ in range(2):
        hash_BT = (
            (hash_BT ^ (hash_BT >> 15)) * BASE % PRIME
        )  # the high bits into the low ones, and back
    return hash_BT
