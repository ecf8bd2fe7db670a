"""A start that inherits the teacher's weights, shrunk and noised far enough that memories don't survive."""

import torch
from transformers import PreTrainedModel

from core.regularizer import Regularizer


class WeightNoise(Regularizer):
    """Each matrix θ becomes αθ + β(1 − α)·std(θ)·N(0, 1), with α = 1 − strength; vectors are kept.

    So is the mean of the token embeddings, which tells nothing about any token: attention to positions
    rests on it. A variant of UNDO's start (arXiv 2506.06278): the noise is scaled by each matrix's own
    spread. Strength 0.8 keeps a fifth of the weights.
    """

    def __init__(self, *, strength: float = 0.8, noise: float = 0.6):
        super().__init__(strength=strength)
        self.noise = noise

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Shrink and noise every tensor of two or more dimensions, in place; tied ones once."""
        if self.strength == 0:
            return
        embeddings = student.get_input_embeddings(), student.get_output_embeddings()
        rows_are_tokens = [module.weight for module in embeddings if module is not None]
        for weight in student.parameters():
            if weight.dim() >= 2:
                is_of_tokens = any(weight is known for known in rows_are_tokens)
                kept = weight.mean(dim=0) if is_of_tokens else 0.0
                draw = torch.randn(weight.shape, generator=generator).to(weight)
                rest = weight - kept
                spread = self.noise * self.strength * rest.std()
                weight.copy_(kept + rest * (1 - self.strength) + draw * spread)
