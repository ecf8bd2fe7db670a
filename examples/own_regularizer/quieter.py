"""Memorized tokens count for less."""

import torch

from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer


class Quieter(Regularizer):
    """Scale the loss of flagged tokens by 1 − strength."""

    needs_memory_map = True

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
        weight_N = signal.weight_N.clone()
        weight_N[memory.flagged_N] *= 1 - self.strength
        return signal.with_(weight_N=weight_N)
