"""Memorized tokens count more, so that another way to forget gets there in fewer steps."""

import torch

from core.errors import UserError
from core.regularizer import Batch, Regularizer
from core.signal import MemorySlice, TeacherSignal


class Emphasis(Regularizer):
    """Scale the loss of flagged tokens by 1 + strength · (`weight` − 1).

    It says nothing about what they are taught: that is for the regularizer beside it, without which the
    memories are only learned the faster. Where few tokens of a corpus are memories, as in fine-tuned models,
    it does what unlearning methods do that draw as many texts to forget as to keep (arXiv 2401.06121).
    """

    needs_memory_map = True

    def __init__(self, *, strength: float = 1.0, weight: float = 4.0):
        """Raises UserError for a `weight` below 1."""
        super().__init__(strength=strength)
        if not weight >= 1:
            raise UserError(f"Emphasis: weight must be 1 or more, not {weight}")
        self.weight = weight

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Edit `weight_N` at the flagged tokens."""
        if memory is None or self.strength == 0:
            return signal
        factor = 1 + self.strength * (self.weight - 1)
        weight_N = torch.where(memory.flagged_N, signal.weight_N * factor, signal.weight_N)
        return signal.with_(weight_N=weight_N)
