"""On memorized passages, the teacher reads only the last few tokens, too few to recite from."""

import torch

from core.errors import UserError
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer
from forgetting.flagged_target import fewer_labels


class CutContext(Regularizer):
    """In each run of flagged tokens the teacher's context begins anew every `num_tokens` tokens.

    So it says there what such words are followed by in general, and not how this passage goes on. Positions
    restart, as they do between rows, hence no token is changed. What follows the run in its row is read
    without what stood before it. At flagged tokens the text counts as label only to (1 − strength).

    `strength` is the share of the runs whose context is cut. List it behind what changes the text that the
    teacher reads (`stranger`), which tells rows by their positions.
    """

    needs_memory_map = True

    def __init__(self, *, strength: float = 1.0, num_tokens: int = 8):
        """Raises UserError for fewer than one token."""
        super().__init__(strength=strength)
        if num_tokens < 1:
            raise UserError(f"CutContext: num_tokens must be 1 or more, not {num_tokens}")
        self.num_tokens = num_tokens

    def edit_teacher_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Let positions restart inside of flagged runs."""
        if memory is None or self.strength == 0:
            return batch
        positions_BT, flagged_BT = batch["position_ids"].clone(), memory.flagged_BT
        length = positions_BT.shape[1]
        for positions_T, flagged_T in zip(positions_BT, flagged_BT.tolist(), strict=True):
            at = 0
            while at < length:
                if not flagged_T[at]:
                    at += 1
                    continue
                end = at
                while end < length and flagged_T[end] and (end == at or positions_T[end] > 0):
                    end += 1
                if torch.rand((), generator=generator) < self.strength:
                    self._cut(positions_T, at, end)
                at = end
        return {**batch, "position_ids": positions_BT}

    def _cut(self, positions_T: torch.Tensor, start: int, end: int) -> None:
        """Count from 0 again at every `num_tokens` of the run, and go on counting to the end of its row."""
        stop = end
        while stop < len(positions_T) and positions_T[stop] > 0:
            stop += 1
        last = start + (end - 1 - start) // self.num_tokens * self.num_tokens
        for first in range(start, last + 1, self.num_tokens):
            to = first + self.num_tokens if first < last else stop
            positions_T[first:to] = torch.arange(to - first, device=positions_T.device)

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Take the text's own tokens out of what is taught."""
        if memory is None or self.strength == 0:
            return signal
        return fewer_labels(signal, memory.flagged_N, self.strength)
