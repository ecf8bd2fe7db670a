"""Noise in what the student reads, so that no exact sequence of inputs can be learned by heart."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers import PreTrainedModel

from core.errors import UserError
from core.signal.signal import MemorySlice
from core.training.regularizer import Batch, Regularizer


class EmbeddingNoise(Regularizer):
    """Add uniform noise in ±strength · alpha / √(T · D) to the student's input embeddings in training.

    NEFTune (arXiv 2310.05914): T tokens a packed sequence, D the embedding's width. A model that isn't
    training reads without noise, and nothing of this is left in the core.
    """

    def __init__(self, *, strength: float = 1.0, alpha: float = 5.0):
        """Raises UserError when `alpha` is negative."""
        super().__init__(strength=strength)
        if not alpha >= 0:
            raise UserError(f"EmbeddingNoise: alpha must be 0 or more, not {alpha}")
        self.alpha = alpha
        self._seed = 0
        self._hook: RemovableHandle | None = None

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Hook the noise to the embedding; a resumed run does it again, since no checkpoint holds it."""
        if self.strength > 0:
            self._hook = student.get_input_embeddings().register_forward_hook(self._add_noise)

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Draw the seed of this batch's noise, which depends on the step alone; the batch stays."""
        if self.strength > 0:
            self._seed = int(torch.randint(2**62, (), generator=generator))
        return batch

    def fold(self, student: PreTrainedModel) -> None:
        """Take the hook off."""
        if self._hook is not None:
            self._hook.remove()

    def _add_noise(self, module: nn.Module, args: tuple[Any, ...], embedded_BTD: Tensor) -> Tensor:
        if not module.training:
            return embedded_BTD
        # Seeded here, so that a forward pass that is computed again for its gradients is the same one.
        generator = torch.Generator().manual_seed(self._seed)
        noise_BTD = 2 * torch.rand(embedded_BTD.shape, generator=generator) - 1
        _, length, width = embedded_BTD.shape
        size = self.strength * self.alpha / math.sqrt(length * width)
        return embedded_BTD + size * noise_BTD.to(embedded_BTD)
