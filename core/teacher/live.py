"""A teacher that runs beside the student."""

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from core.taught import taught_logits


class LiveTeacher:
    """A frozen model as the source of the signal."""

    def __init__(self, model: PreTrainedModel, temperature: float = 1.0):
        self.model = model.eval().requires_grad_(False)
        self.temperature = temperature

    @torch.no_grad()
    def logprobs(self, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor) -> Tensor:
        """Log-probabilities (N, V) at the taught tokens, float32."""
        if self.model.device != input_ids_BT.device:
            self.model.to(input_ids_BT.device)
        logits_NV = taught_logits(self.model, input_ids_BT, position_ids_BT, labels_BT)
        return F.log_softmax(logits_NV.float() / self.temperature, dim=-1)
