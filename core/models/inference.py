"""Forward passes that train nothing: the mode that they need, and how much of them is held at once."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from transformers import PreTrainedModel

TOKENS_PER_BATCH = 8192
# At most this many logits are held at once, so that a large vocabulary doesn't fill the memory.
MAX_LOGITS = 2**26


@contextmanager
def evaluating(model: PreTrainedModel) -> Iterator[None]:
    """Put a model into evaluation mode without gradients, and back into its own mode afterwards."""
    was_training = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(was_training)
