"""A start that inherits the teacher's weights, shrunk and noised far enough that memories don't survive."""

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError, nearest
from core.models.loading import new_model
from core.training.regularizer import Regularizer
from forgetting.modules import token_embeddings


class WeightNoise(Regularizer):
    """Each matrix θ becomes αθ + β√(1 − α²)·θ′, α = 1 − strength and θ′ of a fresh model; vectors are kept.

    The start of UNDO (arXiv 2506.06278), whose noise is a fresh draw too, but at the size of a fresh model
    whatever α: with less of it, attention starts out so flat that matching in context may not be learned.
    The mean of the token embeddings, which tells nothing about any token, is kept: attention to positions
    rests on it. Strength .8 keeps a fifth of the weights. `parts` names modules (`mlp`, `self_attn`,
    `embed_tokens`) to which only a share of the strength is done, from 0 to 1.
    """

    def __init__(
        self,
        *,
        strength: float = 0.8,
        noise: float = 1.0,
        parts: Mapping[str, float] | None = None,
    ):
        """Raises UserError for a strength, or a share of it, outside [0, 1]."""
        super().__init__(strength=strength)
        self.noise, self.parts = noise, dict(parts or {})
        for name, share in self.parts.items():
            if not 0 <= share <= 1:
                raise UserError(f"WeightNoise: parts.{name} must lie between 0 and 1, not {share}")

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Shrink and noise every tensor of two or more dimensions, in place; tied ones once.

        Raises UserError when another regularizer has changed the student's shape before, and for a part
        that the student hasn't.
        """
        if self.strength == 0:
            return
        seed = int(torch.randint(2**31, (), generator=generator))
        fresh = dict(new_model(student.config, seed).named_parameters())
        of_tokens = token_embeddings(student)
        known = {part for name, _ in student.named_modules() for part in name.split(".") if part}
        for name in self.parts:
            if name not in known:
                raise UserError(
                    f"WeightNoise: parts.{name}: {type(student).__name__} has no such module"
                    f"{nearest(name, known)}"
                )
        for name, weight in student.named_parameters():
            if weight.dim() < 2:
                continue
            if name not in fresh or fresh[name].shape != weight.shape:
                raise UserError(
                    f"WeightNoise: a fresh model has no {name} of this shape; list weight_noise first"
                )
            new = fresh[name].to(weight)
            shares = [share for part, share in self.parts.items() if part in name.split(".")]
            kept = 1 - self.strength * min(shares, default=1.0)
            mix = mixed_tokens if any(weight is one for one in of_tokens) else mixed
            weight.copy_(mix(weight, new, kept, self.noise))


def mixed(old: Tensor, new: Tensor, kept: float, noise: float = 1.0) -> Tensor:
    """A share `kept` of the old weights, and as much of the new ones as keeps the size where `noise` is 1."""
    return old * kept + new * (noise * math.sqrt(1 - kept**2))


def mixed_tokens(old_VD: Tensor, new_VD: Tensor, kept: float, noise: float = 1.0) -> Tensor:
    """The same of token embeddings (V, D), around the mean of the old ones."""
    shared_D = old_VD.mean(dim=0)
    return shared_D + mixed(old_VD - shared_D, new_VD - new_VD.mean(dim=0), kept, noise)
