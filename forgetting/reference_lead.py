"""Where a model that never saw the text by heart predicts it better than the teacher, learn from the text."""

import torch

from core.errors import UserError
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer


class ReferenceLead(Regularizer):
    """A teacher that has spent itself on memories may lack a skill that the map's reference has.

    A student that is taught by its doubt, and whose tokens count by its confidence, would lack it too. At
    tokens that aren't flagged, and that the reference finds at least `gap` nats likelier than the teacher
    does, the text's own token is the label to `strength`, and counts as 1 − e^(−lead) at least.
    """

    needs_memory_map = True
    needs_reference = True

    def __init__(self, *, strength: float = 1.0, gap: float = 0.7):
        """Raises UserError for a gap that isn't positive."""
        super().__init__(strength=strength)
        if not gap > 0:
            raise UserError(f"ReferenceLead: gap must be above 0 nats, not {gap}")
        self.gap = gap

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Edit `weight_N` and `label_weight_N` where the reference leads."""
        if memory is None or memory.lead_N is None or self.strength == 0:
            return signal
        leads_N = (memory.lead_N >= self.gap) & ~memory.flagged_N
        leads_N &= signal.weight_N > 0  # what another way to forget has silenced stays so
        least_N = self.strength * -torch.expm1(-memory.lead_N.clamp(min=0))
        label_N = signal.label_weight_N + self.strength * (1 - signal.label_weight_N)
        return signal.with_(
            weight_N=torch.where(leads_N, signal.weight_N.maximum(least_N), signal.weight_N),
            label_weight_N=torch.where(leads_N, label_N, signal.label_weight_N),
        )
