"""On memorized tokens, take the teacher at a higher temperature."""

import torch.nn.functional as F
from torch import Tensor

from core.errors import UserError
from core.signal.signal import TopK
from forgetting.flagged_target import FlaggedTarget


class HotTeacher(FlaggedTarget):
    """Flatten the teacher's distribution at flagged tokens: its temperature is 1 + strength · (T − 1).

    This multiplies with the temperature at which the whole run distils. The order of the tokens stays, so
    the memory is still the likeliest, only less so: a baseline for targets that remove it. The text's own
    token counts as label only to (1 − strength).
    """

    def __init__(self, *, strength: float = 1.0, temperature: float = 4.0):
        """Raises UserError when the temperature is below 1, which would sharpen."""
        super().__init__(strength=strength)
        if not temperature >= 1:
            raise UserError(f"HotTeacher: temperature must be 1 or more, not {temperature}")
        self.temperature = temperature

    def target(self, teacher_MV: Tensor, labels_M: Tensor, reference: TopK) -> Tensor:
        """See the base class."""
        temperature = 1 + self.strength * (self.temperature - 1)
        return F.log_softmax(teacher_MV / temperature, dim=-1)
