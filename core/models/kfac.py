"""Kronecker-factored curvature (K-FAC; Martens and Grosse, arXiv 1503.05671) of a model's linear maps.

Shape suffixes: those of core/signal/signal.py; P outputs and Q inputs of a linear map, R positions of
a batch.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.taught import taught_logits

PackedBatch = tuple[Tensor, Tensor, Tensor]  # input_ids, position_ids, labels: each (B, T)
Watched = dict[
    str, tuple[Tensor, Tensor]
]  # what went into a map, and a zero added to what came out


@dataclass
class Factors:
    """E[aaᵀ] (Q, Q) of a map's inputs and E[ggᵀ] (P, P) of the loss's gradients at its outputs."""

    inputs_QQ: Tensor
    gradients_PP: Tensor


def kronecker_factors(
    model: PreTrainedModel,
    maps: Mapping[str, nn.Linear],
    batches: Iterable[PackedBatch],
    generator: torch.Generator,
) -> dict[str, Factors]:
    """The factors of each of `maps`, over all positions on which a loss depends.

    The loss is that of labels sampled from the model itself (the true Fisher information, not the
    empirical one); the batches' own labels only say at which tokens. Costs a forward and a backward pass.
    Raises UserError when no token is taught.
    """
    sums = {
        name: Factors(
            linear.weight.new_zeros(linear.in_features, linear.in_features, dtype=torch.float32),
            linear.weight.new_zeros(linear.out_features, linear.out_features, dtype=torch.float32),
        )
        for name, linear in maps.items()
    }
    counts = dict.fromkeys(maps, 0)
    for batch in batches:
        input_ids, position_ids, labels = (x.to(model.device) for x in batch)
        with torch.enable_grad(), _watching(maps) as watched:
            logits_NV = taught_logits(model, input_ids, position_ids, labels).float()
            if not len(logits_NV):
                continue
            sampled_N = sample(logits_NV.detach(), generator)
            loss = F.cross_entropy(logits_NV, sampled_N, reduction="sum")
            gradients = torch.autograd.grad(loss, [zero for _, zero in watched.values()])
        del logits_NV, loss  # as large as all else, and not to be there beside the next batch's
        for (name, (inputs, _)), gradient in zip(watched.items(), gradients, strict=True):
            gradient_RP = gradient.flatten(0, -2).float()
            felt_R = gradient_RP.abs().amax(-1) > 0  # neither padding nor what no loss looks at
            gradient_RP, inputs_RQ = gradient_RP[felt_R], inputs.flatten(0, -2)[felt_R].float()
            sums[name].inputs_QQ += inputs_RQ.T @ inputs_RQ
            sums[name].gradients_PP += gradient_RP.T @ gradient_RP
            counts[name] += len(gradient_RP)
    if not any(counts.values()):
        raise UserError("curvature is measured on taught tokens, and the text has none")
    return {
        name: Factors(total.inputs_QQ / counts[name], total.gradients_PP / counts[name])
        for name, total in sums.items()
        if counts[name]  # a map that no loss depends on has no curvature to know
    }


@contextmanager
def _watching(maps: Mapping[str, nn.Linear]) -> Iterator[Watched]:
    """Note what goes into each map, and add a zero to what comes out: its gradient is the output's.

    So gradients are known without asking for those of any weight, in a frozen model too.
    """
    watched: Watched = {}

    def watch(name: str) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
        def hook(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            zero = torch.zeros_like(output, requires_grad=True)
            watched[name] = args[0].detach(), zero
            return output + zero

        return hook

    handles = [linear.register_forward_hook(watch(name)) for name, linear in maps.items()]
    try:
        yield watched
    finally:
        for handle in handles:
            handle.remove()


def sample(logits_NV: Tensor, generator: torch.Generator) -> Tensor:
    """One token (N,) from each distribution; what is random is drawn on the CPU, N numbers in all."""
    cumulative_NV = logits_NV.softmax(-1).cumsum(-1)
    draw_N1 = torch.rand((len(logits_NV), 1), generator=generator).to(cumulative_NV)
    found_N = torch.searchsorted(cumulative_NV, draw_N1 * cumulative_NV[:, -1:], right=True)[:, 0]
    return found_N.clamp(max=logits_NV.shape[-1] - 1)
