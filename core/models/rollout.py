"""Write on until a text ends: many beginnings at once, with a key-value cache, each row as far as it goes.

Beside `generate.py`, whose continuations have a length that is known. Rows that have ended leave the batch.
Shapes: R rows, T tokens, V vocabulary.
"""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.models.continuing import Continuation
from core.models.drawing import draw
from core.models.gate import traits_of
from core.models.inference import MAX_LOGITS, evaluating
from core.models.loading import context_of

TOKENS_AT_ONCE = 2**14  # of a batch, as long as its rows may become


def write_on(
    model: PreTrainedModel,
    beginnings: Sequence[Sequence[int]],
    *,
    ends: Collection[int],
    most: int,
    generator: torch.Generator | None = None,
    temperature: float = 1.0,
) -> list[list[int]]:
    """The tokens that a model writes behind each beginning, up to and with the first of `ends`.

    At most `most` tokens, and no more than the model's context holds: a row that doesn't end lacks its end.
    Tokens are drawn from the whole distribution at a temperature, or without a generator the likeliest is
    taken. The generator, on the CPU, gives each row its numbers in the order of the rows, so that what is
    written doesn't depend on batching.
    """
    draws_RT = None
    if generator is not None:
        draws_RT = torch.rand(len(beginnings), most, generator=generator, dtype=torch.float64)
    found: dict[int, list[int]] = {}
    with evaluating(model):
        for batch in _batches(model, beginnings, most):
            width = len(beginnings[batch[0]])
            room = (context_of(model) or width + most) - width
            written = _write_batch(
                model,
                [beginnings[i] for i in batch],
                set(ends),
                min(most, room),
                None if draws_RT is None else draws_RT[batch],
                temperature,
            )
            found |= dict(zip(batch, written, strict=True))
    return [found[index] for index in range(len(beginnings))]


def _batches(
    model: PreTrainedModel, beginnings: Sequence[Sequence[int]], most: int
) -> list[list[int]]:
    """Indices of rows, the longest first; where padding changes what a model says, of equal length.

    So are those of a batch that the context would end: beside a longer row one would be cut short.
    """
    most_rows = max(1, MAX_LOGITS // model.config.get_text_config().vocab_size)
    padded, context = traits_of(model).padded_left, context_of(model)
    batches: list[list[int]] = []
    for index in sorted(range(len(beginnings)), key=lambda i: -len(beginnings[i])):
        size = len(beginnings[index])
        if batches:
            first = len(beginnings[batches[-1][0]])
            rows = len(batches[-1]) + 1
            fits = rows <= most_rows and rows * (first + most) <= TOKENS_AT_ONCE
            has_room = context is None or first + most <= context
            if fits and (first == size or (padded and has_room)):
                batches[-1].append(index)
                continue
        batches.append([index])
    return batches


def _write_batch(
    model: PreTrainedModel,
    beginnings: Sequence[Sequence[int]],
    ends: set[int],
    most: int,
    draws_RT: Tensor | None,
    temperature: float,
) -> list[list[int]]:
    continuation = Continuation(model, beginnings, keep=traits_of(model).keeps)
    written: list[list[int]] = [[] for _ in beginnings]
    live = list(range(len(beginnings)))  # the row that each row of the continuation is
    done = [False] * len(beginnings)
    for step in range(max(most, 0)):
        logits_RV = continuation.logits() / temperature
        if draws_RT is None:
            token_R1 = logits_RV.argmax(1, keepdim=True)
        else:
            token_R1 = draw(logits_RV, draws_RT[live, step][:, None])
        for row, token in zip(live, token_R1[:, 0].tolist(), strict=True):
            if not done[row]:
                written[row].append(token)
                done[row] = token in ends
        continuation.append(token_R1)
        going = [place for place, row in enumerate(live) if not done[row]]
        if not going:
            break
        if len(going) <= len(live) // 2:  # it takes a copy of the cache
            continuation.keep_rows(torch.tensor(going, device=model.device))
            live = [live[place] for place in going]
    return written
