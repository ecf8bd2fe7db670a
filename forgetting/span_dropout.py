"""Memorized tokens leave the loss."""

import torch
from transformers import PreTrainedModel

from core.models.taught import IGNORED
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer


class SpanDropout(Regularizer):
    """Drop each flagged token from the loss with probability `strength` · score, drawn anew each step.

    The mask is on the targets: a token that reveals the memory is silent in all that it teaches. At
    strength 1 a token whose score is 1 is never taught.

    With `hide`, the student doesn't read the dropped tokens either: in their place stand tokens drawn
    evenly from its whole vocabulary, so that a memory can't be a cue for what follows it. The teacher still
    reads the text as it is.
    """

    needs_memory_map = True

    def __init__(self, *, strength: float = 1.0, hide: bool = False):
        super().__init__(strength=strength)
        self.hide = hide

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Note the size of the vocabulary; the student stays as it is."""
        embedding = student.get_input_embeddings()
        self._vocab_size = int(embedding.weight.shape[0])  # type: ignore[index, union-attr]

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """With `hide`, draw what is dropped and replace its `input_ids`."""
        if memory is None or self.strength == 0 or not self.hide:
            return batch
        ids_BT = batch["input_ids"]
        draw_BT = torch.rand(ids_BT.shape, generator=generator).to(ids_BT.device)
        # Kept for `edit_signal`: what is hidden is what isn't taught.
        self._dropped_BT = memory.flagged_BT & (draw_BT < self.strength * memory.score_BT)
        random_BT = torch.randint(self._vocab_size, ids_BT.shape, generator=generator).to(ids_BT)
        return {**batch, "input_ids": torch.where(self._dropped_BT, random_BT, ids_BT)}

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Set `weight_N` to zero at the dropped tokens."""
        if memory is None or self.strength == 0:
            return signal
        if self.hide:
            dropped_N = self._dropped_BT[:, 1:][batch["labels"][:, 1:] != IGNORED]
        else:
            draw_N = torch.rand(memory.score_N.shape, generator=generator).to(memory.score_N.device)
            dropped_N = memory.flagged_N & (draw_N < self.strength * memory.score_N)
        return signal.with_(weight_N=signal.weight_N.masked_fill(dropped_N, 0.0))
