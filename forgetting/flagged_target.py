"""What regularizers have in common that put another target in place of the teacher's where it remembers."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

from core.models.taught import taught_labels
from core.signal.signal import MemorySlice, TeacherSignal, TopK
from core.training.regularizer import Batch, Regularizer


def fewer_labels(signal: TeacherSignal, flagged_N: Tensor, strength: float) -> TeacherSignal:
    """The signal in which the text counts as label at flagged tokens only to (1 − strength)."""
    weight_N = signal.label_weight_N
    return signal.with_(label_weight_N=torch.where(flagged_N, weight_N * (1 - strength), weight_N))


class FlaggedTarget(Regularizer, ABC):
    """At flagged tokens, teach what `target` says instead of the teacher.

    The text's own token counts there as label only to (1 − strength), for it is the memory itself: at
    strength 1 nothing but the target is taught. Tokens that aren't flagged stay as they are.
    """

    needs_memory_map = True

    @abstractmethod
    def target(self, teacher_MV: Tensor, labels_M: Tensor, reference: TopK) -> Tensor:
        """Log-probabilities (M, V) to teach at M of the flagged tokens, at this regularizer's strength.

        `teacher_MV` is what the signal says there, in nats; `labels_M` the text's own tokens; `reference`
        the never-exposed distribution of each. None of them is to be changed in place.
        """

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Edit `target` and `label_weight_N` at the flagged tokens; all others stay as they are."""
        if memory is None or self.strength == 0 or not memory.flagged_N.any():
            return signal
        flagged_N, reference = memory.flagged_N, memory.reference
        signal = fewer_labels(signal, flagged_N, self.strength)
        if signal.target is None:
            return signal
        labels_M = taught_labels(batch["labels"])[flagged_N]

        def edit(teacher_mV: Tensor, part: slice) -> Tensor:
            return self.target(teacher_mV, labels_M[part], reference[part])

        return signal.with_(target=signal.target.edited(flagged_N, edit))
