"""Continue token sequences, greedily or by sampling, in batches with a key-value cache.

Our own loop rather than `model.generate`, whose defaults (a checkpoint's top-k, temperature or penalties)
would change the distribution, and which draws from the global random state.
Shapes: B prompts of a batch, K continuations of each, R rows (B, then B·K), T tokens, L new tokens, V
vocabulary.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.models.continuing import Continuation
from core.models.drawing import draw
from core.models.gate import traits_of
from core.models.inference import MAX_LOGITS, TOKENS_PER_BATCH, evaluating
from core.models.loading import context_of


def greedy(
    model: PreTrainedModel, prompts: Sequence[Sequence[int]], lengths: Sequence[int]
) -> list[list[int]]:
    """The likeliest next token, again and again: `lengths[i]` token ids after `prompts[i]`.

    Nothing ends early: what follows an end-of-text token is generated too.
    """
    return [tokens_KL[0].tolist() for tokens_KL in _continue(model, prompts, lengths, None)]


def sample(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    lengths: Sequence[int],
    *,
    num_samples: int,
    generator: torch.Generator,
    temperature: float = 1.0,
) -> list[torch.Tensor]:
    """`num_samples` continuations of each prompt at a temperature, from the whole distribution.

    For each prompt its token ids (K, L), L = `lengths[i]`. The generator, on the CPU, gives one number a
    token in the order of the prompts, so the samples don't depend on batching or device.
    """
    draws = [
        torch.rand(length, num_samples, generator=generator, dtype=torch.float64)
        for length in lengths
    ]
    return _continue(model, prompts, lengths, draws, temperature)


def _continue(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    lengths: Sequence[int],
    draws: list[torch.Tensor] | None,
    temperature: float = 1.0,
) -> list[torch.Tensor]:
    num_each = draws[0].shape[1] if draws else 1
    found: dict[int, torch.Tensor] = {}
    with evaluating(model):
        for batch in _batches(model, prompts, lengths, num_each):
            draws_BLK = pad_sequence([draws[i] for i in batch], batch_first=True) if draws else None
            tokens_BKL = _continue_batch(
                model,
                [prompts[i] for i in batch],
                max(lengths[i] for i in batch),
                num_each,
                draws_BLK,
                temperature,
            )
            for index, tokens_KL in zip(batch, tokens_BKL.cpu(), strict=True):
                found[index] = tokens_KL[:, : lengths[index]]
    return [found[index] for index in range(len(prompts))]


def _batches(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    lengths: Sequence[int],
    num_each: int,
) -> Iterator[list[int]]:
    """Indices of prompts, those continued farthest first, so that batches are continued equally far. Where
    padding changes what a model says, those of a batch are equally long.
    """
    max_logits = MAX_LOGITS // model.config.get_text_config().vocab_size
    context, padded = context_of(model), traits_of(model).padded_left

    def order(index: int) -> tuple[int, int]:
        sizes = -lengths[index], -len(prompts[index])
        return sizes if padded else sizes[::-1]

    batch: list[int] = []
    for index in sorted(range(len(prompts)), key=order):
        together = [*batch, index]
        sizes = [len(prompts[i]) for i in together]
        widest = max(sizes) + max(lengths[i] for i in together)
        rows = num_each * len(together)
        # All are continued as far as the first: a long one may have no room for that.
        fits = context is None or widest <= context + 1  # the last token isn't read
        is_small = rows * widest <= TOKENS_PER_BATCH and rows <= max_logits
        if batch and not (fits and is_small and (padded or sizes[0] == sizes[-1])):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _continue_batch(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    num_tokens: int,
    num_each: int,
    draws_BLK: torch.Tensor | None,
    temperature: float,
) -> torch.Tensor:
    """Token ids (B, K, L)."""
    continuation = Continuation(model, prompts, keep=traits_of(model).keeps)
    tokens = []
    for step in range(num_tokens):
        # A prompt a row at first, then a sample a row.
        logits_RV = continuation.logits() / temperature
        draws = None if draws_BLK is None else draws_BLK[:, step].reshape(len(logits_RV), -1)
        chosen = logits_RV.argmax(1) if draws is None else draw(logits_RV, draws)
        token_R1 = chosen.reshape(-1, 1)
        tokens.append(token_R1.view(len(prompts), num_each))
        if step == 0 and num_each > 1:
            continuation.repeat(num_each)
        continuation.append(token_R1)
    return torch.stack(tokens, dim=2)
