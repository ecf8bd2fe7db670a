"""Rounding the weights: a forgetting that hides in small weight changes comes back with it.

After Zhang et al., "Catastrophic Failure of LLM Unlearning via Quantization" (2024).
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.attacks.memories import memory_scores
from evals.probes.probe import Probe
from evals.scores import Score


@torch.no_grad()
def round_to_nearest(
    model: PreTrainedModel, bits: int = 4, group_size: int = 32
) -> PreTrainedModel:
    """A copy of the model whose matrices, embeddings too, hold 2^bits − 1 levels a group.

    Symmetric round-to-nearest, each group of `group_size` weights along the last dimension (the
    input of a linear layer) scaled by its largest; the last group of a row may be smaller. Tied
    weights stay tied.
    """
    rounded = deepcopy(model)
    for weight in rounded.parameters():  # names a tied weight once
        if weight.dim() < 2:
            continue
        for group in weight.split(group_size, dim=-1):
            group.copy_(_round_group(group, bits))
    return rounded


def _round_group(group: torch.Tensor, bits: int) -> torch.Tensor:
    scale = group.abs().amax(dim=-1, keepdim=True) / (2 ** (bits - 1) - 1)
    # A group of zeros has no scale, and stays as it is.
    return torch.where(scale > 0, (group / scale).round() * scale, group)


def quantized_scores(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    bits: Sequence[int] = (8, 4),
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Recall and verbatim accuracy of the model rounded to each of `bits`: axes `quantize_8bit` and so
    on, one family each; an axis without probes has no row.
    """
    scores = []
    for done, width in enumerate(bits, start=1):
        rounded = round_to_nearest(model, width)
        scores += memory_scores(arm, f"quantize_{width}bit", rounded, tokenizer, probes)
        if on_progress:
            on_progress(done, len(bits))
    return scores
