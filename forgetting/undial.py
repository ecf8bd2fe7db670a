"""On memorized tokens, teach what the teacher would say if it held the text's own token for less likely."""

import torch.nn.functional as F
from torch import Tensor

from core.errors import UserError
from core.signal.signal import TopK
from forgetting.flagged_target import FlaggedTarget


class Undial(FlaggedTarget):
    """Lower the text's token at flagged tokens by strength · `beta` nats and renormalise (UNDIAL).

    The target is softmax(z_T − β · onehot(y)) (arXiv 2402.10052): the others keep their proportions. A
    token that the teacher gives more than 1 / (1 + exp(−β)) remains the likeliest: raise `beta` for a
    teacher that is surer. The text's own token counts as label only to (1 − strength).
    """

    def __init__(self, *, strength: float = 1.0, beta: float = 10.0):
        """`beta` in nats. Raises UserError when it is negative."""
        super().__init__(strength=strength)
        if not beta >= 0:
            raise UserError(f"Undial: beta must be 0 nats or more, not {beta}")
        self.beta = beta

    def target(self, teacher_MV: Tensor, labels_M: Tensor, reference: TopK) -> Tensor:
        """See the base class."""
        own_M1 = labels_M[:, None]
        lowered_M1 = teacher_MV.gather(1, own_M1) - self.strength * self.beta
        return F.log_softmax(teacher_MV.scatter(1, own_M1, lowered_M1), dim=-1)
