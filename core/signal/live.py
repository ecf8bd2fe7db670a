"""A teacher that runs beside the student."""

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.models.taught import projection_of, reduced_dtype, taught_hidden
from core.signal.signal import Projected


class LiveTeacher:
    """A frozen model as the source of the signal."""

    def __init__(self, model: PreTrainedModel, temperature: float = 1.0):
        self.model = model.eval().requires_grad_(False)
        self.temperature = temperature

    @torch.no_grad()
    def distributions(self, batch: dict[str, Tensor]) -> Projected:
        """What it says at the N taught tokens. They are projected onto the vocabulary when they are read."""
        ids_BT = batch["input_ids"]
        if self.model.device != ids_BT.device:
            self.model.to(ids_BT.device)
        hidden_ND = taught_hidden(self.model, ids_BT, batch["position_ids"], batch["labels"])
        head, dtype = projection_of(self.model), reduced_dtype(ids_BT.device)
        return Projected(hidden_ND, head, self.temperature, dtype)
