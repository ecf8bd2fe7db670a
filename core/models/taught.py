"""Run a causal language model up to its vocabulary projection, and project only the taught tokens.

Most tokens of a task are its prompt, which isn't taught: projecting them onto the vocabulary would be waste.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.errors import UserError

IGNORED = -100  # the label of a token that isn't taught
FILLED = 128  # the numbers of rows that a product has then are multiples of it
MAX_LOGITS = 2**26  # of a large vocabulary, those of a whole batch may not fit into memory


@contextmanager
def projecting(model: nn.Module, project: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Let the model end in `project` of its hidden states (B, T, D) in place of its vocabulary projection."""
    projection = projection_of(model)
    projection.forward = project
    try:
        yield
    finally:
        del projection.forward  # of this instance; the class's is there again


def as_packed(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    """A batch of `input_ids`, `labels` and perhaps `attention_mask`, each (B, T), with `position_ids` too.

    Padding is then as in packed sequences: rows of one token that isn't taught; nor is any row's first one.
    A batch that has positions stays as it is. Raises UserError for one without labels.
    """
    if "labels" not in batch:
        raise UserError(
            "the batches have no labels: give the trainer a data_collator that makes them"
        )
    if "position_ids" in batch:
        return batch
    mask_BT = batch.get("attention_mask")
    if mask_BT is None:
        mask_BT = torch.ones_like(batch["input_ids"])
    position_ids_BT = (mask_BT.cumsum(1) - 1).masked_fill(mask_BT == 0, 0)
    labels_BT = batch["labels"].masked_fill(position_ids_BT == 0, IGNORED)
    return {**batch, "position_ids": position_ids_BT, "labels": labels_BT}


def taught_labels(labels_BT: Tensor) -> Tensor:
    """The taught tokens of a batch, in reading order: (N,)."""
    later_BT = labels_BT[:, 1:]
    return later_BT[later_BT != IGNORED]


def taught_hidden(
    model: nn.Module, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor
) -> Tensor:
    """The last hidden states (N, D) from which the model predicts each taught token.

    `model` may be wrapped for distributed training; the call goes through the wrapper. Rows of a packed
    sequence don't see each other: transformers builds that mask from the positions.
    """
    predicts_BT = torch.zeros_like(labels_BT, dtype=torch.bool)
    predicts_BT[:, :-1] = labels_BT[:, 1:] != IGNORED
    with projecting(model, lambda hidden_BTD: hidden_BTD[predicts_BT]):
        return model(input_ids=input_ids_BT, position_ids=position_ids_BT, use_cache=False).logits


def taught_logits(
    model: nn.Module, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor
) -> Tensor:
    """The logits (N, V) from which the model predicts each taught token."""
    hidden_ND = taught_hidden(model, input_ids_BT, position_ids_BT, labels_BT)
    return project(projection_of(model), hidden_ND)


def project(head: nn.Module, hidden_ND: Tensor) -> Tensor:
    """Logits (N, V), from the projection's weights: a call of it alone would confuse FSDP's hooks."""
    return F.linear(hidden_ND, head.weight, getattr(head, "bias", None))  # type: ignore[arg-type]


def reduced_dtype(device: torch.device) -> torch.dtype | None:
    """The precision in which autocast multiplies here, or None where it doesn't."""
    return torch.get_autocast_dtype(device.type) if torch.is_autocast_enabled(device.type) else None


def filled(rows_ND: Tensor) -> Tensor:
    """Pad the rows of a product with zeros, where each new number of rows costs seconds.

    That is bfloat16 on a CPU, whose products are compiled for their shape.
    """
    is_compiled = rows_ND.dtype == torch.bfloat16 and rows_ND.device.type == "cpu"
    return F.pad(rows_ND, (0, 0, 0, -len(rows_ND) % FILLED if is_compiled else 0))


def taught_logits_in_parts(
    model: nn.Module, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor
) -> Iterator[tuple[slice, Tensor]]:
    """Yield the taught tokens in slices, with their logits (n, V), at most `MAX_LOGITS` numbers at once.

    They are projected in the weights' own precision, whatever autocast chooses for the layers: what rounding
    takes from a logit it takes from a log-probability, too.
    """
    hidden_ND = taught_hidden(model, input_ids_BT, position_ids_BT, labels_BT)
    projection = projection_of(model)
    weight: Tensor = projection.weight  # type: ignore[assignment]
    size = max(1, MAX_LOGITS // len(weight))
    for begin in range(0, len(hidden_ND), size):
        part = slice(begin, begin + size)
        with torch.autocast(hidden_ND.device.type, enabled=False):
            logits_nV = projection(hidden_ND[part].to(weight.dtype))
        yield part, logits_nV


def projection_of(model: nn.Module) -> nn.Module:
    """The linear layer onto the vocabulary, of a model that may be wrapped."""
    return getattr(model, "module", model).get_output_embeddings()  # type: ignore[operator, no-any-return]
