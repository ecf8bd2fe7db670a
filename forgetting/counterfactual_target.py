"""On memorized tokens, teach what a model that never saw the text would say there."""

import torch
from torch import Tensor

from core.signal.signal import TopK
from forgetting.flagged_target import FlaggedTarget


class CounterfactualTarget(FlaggedTarget):
    """Replace the teacher's distribution at flagged tokens by the never-exposed reference's.

    The target is the mixture (1 − strength) · teacher + strength · reference, and the text's own token
    counts as label only to (1 − strength): at strength 1 nothing of the fact is in the targets, while
    syntax, type and plausible values still are.
    """

    needs_reference = True

    def target(self, teacher_MV: Tensor, labels_M: Tensor, reference: TopK) -> Tensor:
        """See the base class."""
        reference_MV = reference.dense(teacher_MV.shape[-1])
        if self.strength == 1:
            return reference_MV
        share = torch.tensor([1 - self.strength, self.strength]).log()
        return torch.logaddexp(teacher_MV + share[0], reference_MV + share[1])
