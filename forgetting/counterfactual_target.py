"""On memorized tokens, teach what a model that never saw the text would say there."""

import torch

from core.regularizer import Regularizer
from core.signal import MemorySlice, TeacherSignal


class CounterfactualTarget(Regularizer):
    """Replace the teacher's distribution at flagged tokens by the never-exposed reference's.

    The target is the mixture (1 − strength) · teacher + strength · reference, and the text's own token
    counts as label only to (1 − strength): at strength 1 nothing of the fact is in the targets, while
    syntax, type and plausible values still are.
    """

    needs_memory_map = True

    def edit_signal(
        self, signal: TeacherSignal, memory: MemorySlice | None, generator: torch.Generator
    ) -> TeacherSignal:
        """Edit the flagged rows of `logprobs_NV` and `label_weight_N`; all others stay as they are."""
        if memory is None or self.strength == 0 or not memory.flagged_N.any():
            return signal
        flagged_N = memory.flagged_N
        label_weight_N = torch.where(
            flagged_N, signal.label_weight_N * (1 - self.strength), signal.label_weight_N
        )
        if signal.logprobs_NV is None:
            return signal.with_(label_weight_N=label_weight_N)
        reference_MV = memory.reference.dense(signal.logprobs_NV.shape[-1])
        if self.strength < 1:
            teacher_MV = signal.logprobs_NV[flagged_N]
            share = torch.tensor([1 - self.strength, self.strength]).log()
            reference_MV = torch.logaddexp(teacher_MV + share[0], reference_MV + share[1])
        logprobs_NV = signal.logprobs_NV.clone()
        logprobs_NV[flagged_N] = reference_MV.to(logprobs_NV)
        return signal.with_(logprobs_NV=logprobs_NV, label_weight_N=label_weight_N)
