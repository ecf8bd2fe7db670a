"""Which way of computing attention trains fastest here."""

from collections.abc import Iterator
from contextlib import contextmanager

from transformers import PreTrainedModel

# Tokens of a row, up to which plain products win: a tiny model's step takes a third less, SmolLM2's a fifth.
SHORT = 128


@contextmanager
def fast_attention(model: PreTrainedModel, length: int, reduced: bool) -> Iterator[None]:
    """Compute attention by plain products where the fused kernel is slow.

    That is for short rows in bfloat16 (`reduced`) on a CPU, whose kernel makes no use of the CPU's bfloat16
    products on the way back. Afterwards the model has its own again.
    """
    is_slow = reduced and model.device.type == "cpu" and length <= SHORT
    own = getattr(model.config, "_attn_implementation", None) if is_slow else None
    if own != "sdpa":
        yield
        return
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(own)
