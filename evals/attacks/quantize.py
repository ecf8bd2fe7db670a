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
    """Copy a model and round its matrices, embeddings too: symmetric round-to-nearest.

    Each group of weights along the last dimension (the input of a linear layer) is scaled by its largest; the
    last group of a row may be smaller. Tied weights stay tied.

    Args:
        model: the one to copy.
        bits: of a weight; a group holds 2^bits − 1 levels.
        group_size: weights in a group.

    Returns:
        The copy, in the model's own dtype.
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
    """Round the weights to few bits, and ask for memories again.

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; recall and verbatim are asked.
        bits: widths of a weight to try.
        on_progress: told the widths done and all widths.

    Returns:
        Accuracies of the axes `quantize_8bit` and so on, families `recall` and `verbatim`.
    """
    scores = []
    for done, width in enumerate(bits, start=1):
        rounded = round_to_nearest(model, width)
        scores += memory_scores(arm, f"quantize_{width}bit", rounded, tokenizer, probes)
        if on_progress:
            on_progress(done, len(bits))
    return scores
