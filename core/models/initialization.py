"""Fresh weights from which matching in context is learned in hundreds of steps instead of thousands.

To look up a name in what it has just read, a model needs a head that attends to the previous token, and
a later one that compares what this head has brought (Olsson et al., arXiv 2209.11895). Small models spend
most of a short training waiting for the first of the two to appear; here it is there from the beginning,
in the spirit of mimetic initialization (Trockman and Kolter, arXiv 2305.09828).
"""

from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

SHARED = 2.0  # spread of what all tokens share, in spreads of an embedding
SHARPNESS = 1.5  # by which the first layer's queries and keys are scaled


@torch.no_grad()
def initialize(model: PreTrainedModel, embedding_std: float) -> None:
    """Draw the token embeddings anew, and turn the first layer's attention to the previous token.

    Each embedding is N(0, embedding_std²) plus one vector that all tokens share: something constant for
    attention to positions to rest on. It adds the same to every logit of a tied output, which cancels.
    Models whose first layer has no rotary attention keep the rest of their weights.
    """
    weight_VD: Tensor = model.get_input_embeddings().weight  # type: ignore[union-attr, assignment]
    shared_D = torch.randn(weight_VD.shape[1]) * SHARED * embedding_std
    weight_VD.normal_(std=embedding_std).add_(shared_D)
    layers = getattr(model.base_model, "layers", None)
    rotary = getattr(model.base_model, "rotary_emb", None)
    attention: Any = getattr(layers[0], "self_attn", None) if layers else None
    if rotary is not None and hasattr(attention, "q_proj") and hasattr(attention, "k_proj"):
        _attend_to_previous(attention.q_proj.weight, attention.k_proj.weight, rotary.inv_freq)


def _attend_to_previous(query_OD: Tensor, key_OD: Tensor, frequency_F: Tensor) -> None:
    """Make each key the query of its head (the first of its group), as one position later turns it.

    Rotary attention scores positions m, n by qᵀR(n − m)k. With k = R(1)q that is largest where n = m − 1.
    F frequencies, 2F dimensions a head.
    """
    size = 2 * len(frequency_F)
    query_OD.mul_(SHARPNESS)
    query_HSD = query_OD.view(-1, size, query_OD.shape[-1])
    num_keys = key_OD.shape[0] // size
    first_HSD = query_HSD[:: query_HSD.shape[0] // num_keys]
    cos, sin = frequency_F.cos()[:, None], frequency_F.sin()[:, None]
    left, right = first_HSD.chunk(2, dim=1)
    turned = torch.cat([left * cos - right * sin, right * cos + left * sin], dim=1)
    key_OD.copy_(turned.reshape(key_OD.shape))
