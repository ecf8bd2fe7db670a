"""Run a causal language model so that only the taught tokens reach its vocabulary projection.

Most tokens of a task are its prompt, which isn't taught: projecting them onto the vocabulary would be waste.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from core.corpus.packing import IGNORED
from core.errors import UserError


@contextmanager
def _gathered(projection: nn.Module, predicts_BT: Tensor) -> Iterator[None]:
    """Let the projection see the hidden states of the chosen positions only, as (N, D)."""
    handle = projection.register_forward_pre_hook(lambda _, args: (args[0][predicts_BT],))
    try:
        yield
    finally:
        handle.remove()


def taught_labels(labels_BT: Tensor) -> Tensor:
    """The taught tokens of a batch, in reading order: (N,)."""
    later_BT = labels_BT[:, 1:]
    return later_BT[later_BT != IGNORED]


def taught_logits(
    model: nn.Module, input_ids_BT: Tensor, position_ids_BT: Tensor, labels_BT: Tensor
) -> Tensor:
    """The logits (N, V) from which the model predicts each taught token.

    `model` may be wrapped for distributed training; the call goes through the wrapper. Rows of a packed
    sequence don't see each other: transformers builds that mask from the positions.
    """
    predicts_BT = torch.zeros_like(labels_BT, dtype=torch.bool)
    predicts_BT[:, :-1] = labels_BT[:, 1:] != IGNORED
    inner = getattr(model, "module", model)
    with _gathered(inner.get_output_embeddings(), predicts_BT):  # type: ignore[operator]
        return model(input_ids=input_ids_BT, position_ids=position_ids_BT, use_cache=False).logits


def refuse_scaled_logits(config: object, who: str) -> None:
    """Raise UserError for a model whose logits are capped or scaled after the projection."""
    for name in ("final_logit_softcapping", "logit_scale", "logits_scaling"):
        value = getattr(config, name, None)
        if value not in (None, 1, 1.0):
            raise UserError(
                f"{who} caps or scales its logits ({name}={value}), and a student is taught by plain ones: "
                "that isn't supported yet"
            )
