"""Memorized tokens leave the loss."""

import torch

from core.regularizer import Regularizer
from core.signal import MemorySlice, TeacherSignal


class SpanDropout(Regularizer):
    """Drop each flagged token from the loss with probability `strength` · score, drawn anew each step.

    The mask is on the targets: a token that reveals the memory is silent in all that it teaches. At
    strength 1 a token whose score is 1 is never taught.
    """

    needs_memory_map = True

    def edit_signal(
        self, signal: TeacherSignal, memory: MemorySlice | None, generator: torch.Generator
    ) -> TeacherSignal:
        """Set `weight_N` to zero at the dropped tokens."""
        if memory is None or self.strength == 0:
            return signal
        draw_N = torch.rand(memory.score_N.shape, generator=generator).to(memory.score_N.device)
        dropped_N = memory.flagged_N & (draw_N < self.strength * memory.score_N)
        return signal.with_(weight_N=signal.weight_N.masked_fill(dropped_N, 0.0))
