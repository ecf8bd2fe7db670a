"""Clipped and noised gradients, so that no single batch leaves an exact trace."""

import torch
from transformers import PreTrainedModel

from core.errors import UserError
from core.training.regularizer import Regularizer


class GradientNoise(Regularizer):
    """Clip each step's gradient to the norm `clip`, then add Gaussian noise to every entry.

    The noise has the standard deviation strength · noise · clip / √P, P being the number of entries, so
    its norm is close to strength · noise · clip: at strength 1 `noise` is its share of the clipping norm.

    This is not differential privacy and guarantees nothing: gradients are clipped a step, not an example,
    and no privacy budget is accounted for. It borrows the form of DP-SGD (arXiv 1607.00133) alone.
    """

    def __init__(self, *, strength: float = 1.0, noise: float = 0.1, clip: float = 1.0):
        """Raises UserError when `noise` is negative or `clip` isn't positive."""
        super().__init__(strength=strength)
        if not noise >= 0:
            raise UserError(f"GradientNoise: noise must be 0 or more, not {noise}")
        if not clip > 0:
            raise UserError(f"GradientNoise: clip must be more than 0, not {clip}")
        self.noise, self.clip = noise, clip

    @torch.no_grad()
    def edit_gradients(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Change every gradient in place, after all micro-batches of the step are summed."""
        if self.strength == 0:
            return
        gradients = [weight.grad for weight in student.parameters() if weight.grad is not None]
        torch.nn.utils.clip_grad_norm_(student.parameters(), self.clip)
        num_entries = sum(gradient.numel() for gradient in gradients)
        spread = self.strength * self.noise * self.clip / max(num_entries, 1) ** 0.5
        for gradient in gradients:
            draw = torch.randn(gradient.shape, generator=generator)
            gradient.add_(draw.to(gradient), alpha=spread)
