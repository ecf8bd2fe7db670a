"""Compare an export with its checkpoint: logits and greedy answers, by each reader.

Shapes: T tokens, V vocabulary, N tokens of the greedy continuation.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from core.errors import UserError
from core.export.format import ExportReader
from core.export.prompts import Prompt

EXACT = 0.01  # float32 differs by rounding alone: at most so much of the largest logit


@dataclass(frozen=True)
class Spoken:
    """What the checkpoint says to a prompt: its greedy continuation, and logits_TV up to its end."""

    prompt: Prompt
    continuation: list[int]
    logits_TV: torch.Tensor


@torch.no_grad()
def ask(model: PreTrainedModel, prompts: Sequence[Prompt], num_tokens: int) -> list[Spoken]:
    """The greedy continuation of each prompt by `num_tokens` tokens."""
    said = []
    for prompt in prompts:
        ids, continuation = torch.tensor([prompt.ids]), list[int]()
        for _ in range(num_tokens):
            logits_V = model(input_ids=ids, use_cache=False).logits[0, -1]
            continuation.append(int(logits_V.argmax()))
            ids = torch.tensor([[*prompt.ids, *continuation]])
        logits_TV = model(input_ids=ids, use_cache=False).logits[0].float()
        said.append(Spoken(prompt, continuation, logits_TV))
    return said


@dataclass(frozen=True)
class Parity:
    """How a reader's answers compare with the checkpoint's, over all prompts.

    `max_logit_difference` is the worst absolute difference at any token of a prompt or its continuation;
    `greedy_agreement` the share of prompts with the checkpoint's whole continuation; `tokenized_alike`
    the share that the export's own tokenizer cuts as the checkpoint's does.
    """

    reader: str
    file: str
    max_logit_difference: float
    mean_logit_difference: float
    greedy_agreement: float
    tokenized_alike: float
    num_prompts: int
    num_tokens: int

    def row(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


def compare(reader: ExportReader, said: Sequence[Spoken]) -> Parity:
    """Put the prompts to a reader.

    Raises UserError when a reader of the checkpoint's own float32 weights gives other logits than the
    checkpoint.
    """
    worst, total, agree, alike, largest = 0.0, 0.0, 0, 0, 0.0
    for one in said:
        ids = one.prompt.ids
        alike += reader.tokenize(one.prompt.text) == ids
        logits_TV = reader.logits(ids, one.continuation)[:, : one.logits_TV.shape[1]]
        difference_TV = (logits_TV - one.logits_TV).abs()
        worst = max(worst, _finite(difference_TV.max()))
        total += float(difference_TV.mean())
        largest = max(largest, float(one.logits_TV.abs().max()))
        predicted = logits_TV[len(ids) - 1 : -1].argmax(dim=-1)
        agree += predicted.tolist() == one.continuation
    parity = Parity(
        reader.name,
        reader.file,
        worst,
        total / len(said),
        agree / len(said),
        alike / len(said),
        len(said),
        len(said[0].continuation),
    )
    if reader.exact and not worst <= EXACT * largest:
        raise UserError(
            f"{reader.name} reads {reader.file} otherwise than the checkpoint (a logit differs by"
            f" {worst:.3g}): nothing was exported; please report it"
        )
    return parity


def _finite(value: torch.Tensor) -> float:
    """The value, or infinity for NaN, which `max` would pass over."""
    return float(value) if torch.isfinite(value) else float("inf")
