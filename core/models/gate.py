"""What a model does, tried on a few short texts rather than taken from its name.

Everything here reads models in some way of its own: in packed sequences, in padded batches, behind a cache,
up to the output embeddings. Each way is compared once with the model's own logits, one text at a time. A way
that doesn't agree isn't taken; where there is no other, the model is refused in one line.
"""

from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.inference import evaluating
from core.models.ways import (
    Alone,
    has_plain_head,
    holds,
    padded_right,
    rows_apart,
    shares,
    short_texts,
    steps,
)

KNOWN: dict[str, "Traits"] = {}  # by architecture and configuration; for this process


@dataclass(frozen=True)
class Traits:
    """Which ways of reading a model give the model's own logits.

    `plain_head`: its logits are the output embeddings times the hidden states, and nothing more. `apart`:
    rows of a packed sequence, separated by their positions, don't see each other. `padded_right`: a text
    doesn't see padding behind it, without a mask. `padded_left`: nor padding before it, with a mask. `keeps`:
    it reads on from its cache token by token. `shares`: it reads several tokens behind a prompt that was read
    once.
    """

    plain_head: bool = True
    apart: bool = True
    padded_right: bool = True
    padded_left: bool = True
    keeps: bool = True
    shares: bool = True


def traits_of(model: PreTrainedModel) -> Traits:
    """What the model does; tried once for each architecture and configuration.

    Raises UserError for a model that can't be read at all: one that isn't causal, or takes more than text.
    """
    config = model.config
    kind = f"{type(model).__module__}.{type(model).__qualname__} {config._attn_implementation}"
    key = f"{kind} {config.to_json_string(use_diff=False)}"
    if key not in KNOWN:
        found = _tried(model)
        if found is None:  # a diverged model gives no numbers, and tells nothing of its kind
            return Traits()
        KNOWN[key] = found
    return KNOWN[key]


def say_the_same(model: PreTrainedModel, other: PreTrainedModel) -> bool:
    """Whether two models have the same logits on a few short texts."""
    with evaluating(model), evaluating(other):
        alone, own = Alone(model), Alone(other)
        return all(alone.same(own(text), alone(text)) for text in short_texts(model))


def check_plain_head(model: PreTrainedModel, who: str) -> None:
    """Raise UserError for a model whose logits are more than a projection: it can't be taught from."""
    if not traits_of(model).plain_head:
        raise UserError(
            f"{who} ({type(model).__name__}) makes its logits by more than its output embeddings (it caps, "
            "scales or masks them), and a student is taught by plain ones: that isn't supported yet"
        )


def check_packed(model: PreTrainedModel, who: str) -> None:
    """Raise UserError for a model that can't be a teacher or a reference on packed sequences."""
    check_plain_head(model, who)
    if not traits_of(model).apart:
        raise UserError(
            f"{who} ({type(model).__name__}) lets the texts packed into a sequence see each other, for it "
            "doesn't read positions as their borders: it can't be used here"
        )


def _tried(model: PreTrainedModel) -> Traits | None:
    """Try each way of reading. None where the model's logits aren't numbers."""
    texts = short_texts(model)
    with evaluating(model):
        alone = Alone(model)
        try:
            whole = [alone(text) for text in texts]
            changed = alone([*texts[1][:-1], texts[0][0]])
        except (MemoryError, torch.OutOfMemoryError):
            raise
        except Exception as error:  # whatever an architecture raises that takes more than token ids
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
            raise UserError(
                f"{type(model).__name__} can't be read as a language model: {reason}"
            ) from error
        if any(logits_TV.isnan().any() for logits_TV in whole):
            return None
        if not alone.same(whole[1][:-1], changed[:-1]):
            raise UserError(
                f"{type(model).__name__} isn't causal: what it says of a token depends on those that follow, "
                "so it can't be asked to continue a text"
            )
        keeps = holds(lambda: steps(model, texts[1:], alone, keep=True, repeat=2))
        return Traits(
            plain_head=holds(lambda: has_plain_head(model, texts[1], whole[1], alone)),
            apart=holds(lambda: rows_apart(model, texts[:2], whole, alone)),
            padded_right=holds(lambda: padded_right(model, texts[:2], whole, alone)),
            padded_left=holds(lambda: steps(model, texts[:2], alone, keep=keeps)),
            keeps=keeps,
            shares=keeps and holds(lambda: shares(model, texts[1:], whole[1:], alone)),
        )
