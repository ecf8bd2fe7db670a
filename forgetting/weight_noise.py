"""A start that inherits the teacher's weights, shrunk and noised far enough that memories don't survive."""

import math

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from core.models import new_model
from core.regularizer import Regularizer


class WeightNoise(Regularizer):
    """Each matrix θ becomes αθ + β√(1 − α²)·θ′, α = 1 − strength and θ′ of a fresh model; vectors are kept.

    The start of UNDO (arXiv 2506.06278), whose noise is a fresh draw too, but at the size of a fresh model
    whatever α: with less of it, attention starts out so flat that matching in context may not be learned.
    The mean of the token embeddings, which tells nothing about any token, is kept: attention to positions
    rests on it. Strength .8 keeps a fifth of the weights.
    """

    def __init__(self, *, strength: float = 0.8, noise: float = 1.0):
        """Raises UserError for a strength outside [0, 1]."""
        super().__init__(strength=strength)
        self.noise = noise

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Shrink and noise every tensor of two or more dimensions, in place; tied ones once.

        Raises UserError when another regularizer has changed the student's shape before.
        """
        if self.strength == 0:
            return
        seed = int(torch.randint(2**31, (), generator=generator))
        fresh = dict(new_model(student.config, seed).named_parameters())
        modules = student.get_input_embeddings(), student.get_output_embeddings()
        of_tokens = [module.weight for module in modules if module is not None]
        for name, weight in student.named_parameters():
            if weight.dim() < 2:
                continue
            if name not in fresh or fresh[name].shape != weight.shape:
                raise UserError(
                    f"WeightNoise: a fresh model has no {name} of this shape; list weight_noise first"
                )
            new = fresh[name].to(weight)
            if any(weight is known for known in of_tokens):
                shared = weight.mean(dim=0)
                weight.copy_(shared + self._mixed(weight - shared, new - new.mean(dim=0)))
            else:
                weight.copy_(self._mixed(weight, new))

    def _mixed(self, old: Tensor, new: Tensor) -> Tensor:
        kept = 1 - self.strength
        return old * kept + new * (self.noise * math.sqrt(1 - kept**2))
