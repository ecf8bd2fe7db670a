"""A start that inherits the teacher's layers, but not the token embeddings by which memories are found."""

import torch
from transformers import PreTrainedModel

from core.models.loading import new_model
from core.training.regularizer import Regularizer
from forgetting.modules import token_embeddings
from forgetting.weight_noise import mixed_tokens


class FreshEmbeddings(Regularizer):
    """Each token embedding e becomes αe + √(1 − α²)·e′, α = 1 − strength and e′ of a fresh model.

    Where names are tokens of their own, what is known by heart of one turned out to be looked up by its
    embedding, and what the layers do with whatever they read to be skill (docs/tried.md, how much of the
    teacher a core may start from). So the layers stay, and with them most of what the teacher took its
    training to learn. Output embeddings of their own are drawn afresh too. As in `weight_noise`, the
    embeddings' mean stays: it tells nothing about any token, and attention to positions rests on it.
    """

    @torch.no_grad()
    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Mix the embeddings in place; tied ones once."""
        if self.strength == 0:
            return
        fresh = new_model(student.config, int(torch.randint(2**31, (), generator=generator)))
        for old_VD, new_VD in zip(token_embeddings(student), token_embeddings(fresh), strict=True):
            old_VD.copy_(mixed_tokens(old_VD, new_VD.to(old_VD), 1 - self.strength))
