"""The hooks through which forgetting enters training. All do nothing by default."""

import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from core.signal.signal import MemorySlice, TeacherSignal

Batch = dict[str, Tensor]


class Regularizer:
    """A way to forget. `strength` 0 is plain distillation, bit for bit.

    A subclass overrides the hooks it needs. Of what it is given, only the student and its gradients may be
    changed in place. `memory` is the map at the micro-batch, or None when no regularizer of the run needs
    the map. Randomness comes from the generator that is handed in, which is seeded anew for every step, so
    that a resumed run draws what an uninterrupted one would have drawn.
    """

    needs_memory_map = False
    needs_reference = False  # the distributions in the map, of a model that never saw the text

    def __init__(self, *, strength: float = 1.0):
        """Set how strongly it forgets.

        Args:
            strength: from 0, plain distillation, to 1.

        Raises:
            UserError: the strength is outside [0, 1].
        """
        if not 0.0 <= strength <= 1.0:
            name = type(self).__name__
            raise UserError(f"{name}: strength must lie between 0 and 1, not {strength}")
        self.strength = strength

    def overrides(self, *hooks: str) -> bool:
        """Whether it has one of these hooks of its own."""
        return any(getattr(type(self), hook) is not getattr(Regularizer, hook) for hook in hooks)

    @property
    def has_own_reading(self) -> bool:
        """Whether the teacher reads something else for it than the corpus."""
        return self.strength > 0 and self.overrides("edit_teacher_batch")

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Look at the corpus that the student will read, once, before `prepare_student`.

        Args:
            sequences: packed rows, each with `input_ids`, `position_ids` and `labels` of T tokens.
            tokenizer: the corpus's.
        """

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Change the student's weights in place, once, before training.

        Args:
            student: as it starts.
            generator: seeded by the run.
        """

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Change what the student reads; it is asked to predict the same tokens.

        Args:
            batch: `input_ids`, `position_ids` and `labels`, each (B, T), and `index` (B).
            memory: the map at the batch.
            generator: seeded by run, step and micro-batch.

        Returns:
            The batch with other `input_ids` (B, T).
        """
        return batch

    def edit_teacher_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Change what the teacher reads: its reading of the batch.

        What it says is taught at the same tokens; `edit_signal` may map it back. `winnow cache` calls the
        two once for each reading that it writes, and keeps the target and the label weights. Training then
        draws from these readings and calls no hook of this regularizer, which may have none but these two
        and `read_corpus`.

        Args:
            batch: the micro-batch as the corpus has it, as in `edit_batch`.
            memory: the map at the batch; None for a cache.
            generator: seeded by run, step and micro-batch; for a cache by run, reading and shard.

        Returns:
            The batch with other `input_ids` (B, T).
        """
        return batch

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Change what the student is taught, and how much each token counts.

        Args:
            signal: distributions and weights of the N taught tokens.
            batch: the micro-batch as the corpus has it, whatever `edit_batch` made of it.
            memory: the map at the batch.
            generator: seeded by run, step and micro-batch.

        Returns:
            The signal that is taught.
        """
        return signal

    def penalty(self, signal: TeacherSignal) -> Tensor | None:
        """Put a price on what the student is or does.

        Args:
            signal: what is taught.

        Returns:
            A term (N,), in nats, added to each taught token's loss, or None.
        """
        return None

    def edit_gradients(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Change the gradients in place, after the backward pass and before the optimizer's step.

        Args:
            student: with gradients of the whole step.
            generator: seeded by run and step, alike in all processes.
        """

    def metrics(self) -> dict[str, float]:
        """Tell figures for the log.

        Returns:
            By name, over the steps since the last call.
        """
        return {}

    def fold(self, student: PreTrainedModel) -> None:
        """Fold or drop what was added, so that the core is a stock architecture.

        Args:
            student: as it ends.
        """
