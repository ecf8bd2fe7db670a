"""Learning from several cached readings of the corpus."""

import torch

from core.signal.cached import CachedTeacher
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer


class DrawnReadings(Regularizer):
    """Draw one of a cached teacher's readings for each sequence and step.

    It stands in for the regularizers that edited the readings: the cache holds the targets and the label
    weights that they made.
    """

    def __init__(self, teacher: CachedTeacher):
        """Draw from the readings of `teacher`."""
        super().__init__()
        self.teacher = teacher

    def edit_teacher_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Name the reading of each sequence in the batch."""
        count, index_B = self.teacher.num_readings, batch["index"]
        self._drawn = {**batch, "reading": torch.randint(count, index_B.shape, generator=generator)}
        return self._drawn

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Multiply the label weights by those of the readings drawn."""
        share_N = self.teacher.label_weights(self._drawn).to(signal.label_weight_N)
        return signal.with_(label_weight_N=signal.label_weight_N * share_N)
