"""A teacher that runs beside the student."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.signal import Projected
from core.taught import projection_of, taught_hidden


class LiveTeacher:
    """A frozen model as the source of the signal."""

    def __init__(self, model: PreTrainedModel, temperature: float = 1.0):
        self.model = model.eval().requires_grad_(False)
        self.temperature = temperature

    @torch.no_grad()
    def distributions(
        self, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor
    ) -> Projected:
        """What it says at the N taught tokens, projected onto the vocabulary when it is asked for."""
        if self.model.device != input_ids_BT.device:
            self.model.to(input_ids_BT.device)
        hidden_ND = taught_hidden(self.model, input_ids_BT, position_ids_BT, labels_BT)
        return Projected(hidden_ND, projection_of(self.model), self.temperature)
