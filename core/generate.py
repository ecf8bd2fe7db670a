"""Continue token sequences, greedily or by sampling, in batches with a key-value cache.

Our own loop rather than `model.generate`, whose defaults (a checkpoint's top-k, temperature or penalties)
would change the distribution, and which draws from the global random state.
Shapes: B prompts of a batch, K continuations of each, R rows (B, then B·K), T tokens, L new tokens, V
vocabulary.
"""

import inspect
from collections.abc import Iterator, Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.inference import MAX_LOGITS, TOKENS_PER_BATCH, evaluating

STATE = "cache_params"  # of a model without attention
CACHES = ("past_key_values", STATE)


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
                lengths[batch[0]],
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
    """Indices of prompts, those continued farthest first, so that batches are continued equally far."""
    max_logits = MAX_LOGITS // model.config.get_text_config().vocab_size
    batch: list[int] = []
    for index in sorted(range(len(prompts)), key=lambda i: (-lengths[i], -len(prompts[i]))):
        rows = num_each * (len(batch) + 1)
        widest = max(len(prompts[i]) for i in [*batch, index]) + lengths[(batch or [index])[0]]
        if batch and (rows * widest > TOKENS_PER_BATCH or rows > max_logits):
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
    """Token ids (B, K, L). Prompts are padded on the left: all of them end where the new tokens begin."""
    device = model.device
    width = max(map(len, prompts))
    # Any id will do for padding, since the mask hides it: not every model has one of its own.
    ids_BT = torch.tensor([[0] * (width - len(p)) + list(p) for p in prompts], device=device)
    mask_BT = torch.tensor([[0] * (width - len(p)) + [1] * len(p) for p in prompts], device=device)
    takes = inspect.signature(model.forward).parameters
    cache_name = next((name for name in CACHES if name in takes), "")

    new_ids, cache, tokens = ids_BT, None, []
    for step in range(num_tokens):
        inputs = {"input_ids": new_ids, "attention_mask": mask_BT, "use_cache": True}
        if "position_ids" in takes:
            positions_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)
            inputs["position_ids"] = positions_BT[:, -new_ids.shape[1] :]
        if "logits_to_keep" in takes:
            inputs["logits_to_keep"] = 1
        if cache is not None:
            inputs[cache_name] = cache
            if cache_name == STATE:  # the padding is in the state already, as nothing
                del inputs["attention_mask"]
        outputs = model(**inputs)
        logits_RV = (
            outputs.logits[:, -1].float() / temperature
        )  # a prompt a row at first, then a sample a row
        draws = None if draws_BLK is None else draws_BLK[:, step].reshape(len(logits_RV), -1)
        token_R1 = _choose(logits_RV, draws).reshape(-1, 1)
        tokens.append(token_R1.view(len(prompts), num_each))
        cache = outputs.get(cache_name)
        if step == 0 and num_each > 1:
            repeated = torch.arange(len(prompts), device=device).repeat_interleave(num_each)
            mask_BT, ids_BT = mask_BT[repeated], ids_BT[repeated]
            if cache is not None:
                cache.reorder_cache(repeated)
        mask_BT = torch.cat([mask_BT, torch.ones_like(token_R1)], dim=1)
        ids_BT = torch.cat([ids_BT, token_R1], dim=1)
        new_ids = ids_BT if cache is None else token_R1  # without a cache, all is read again
    return torch.stack(tokens, dim=2)


def _choose(logits_RV: torch.Tensor, draws_RK: torch.Tensor | None) -> torch.Tensor:
    """Next tokens (R, K): the likeliest, or by inverse cumulative probability at draws in [0, 1)."""
    if draws_RK is None:
        return logits_RV.argmax(1, keepdim=True)
    cumulative_RV = logits_RV.double().softmax(1).cumsum(1)
    draws_RK = draws_RK.to(logits_RV.device) * cumulative_RV[:, -1:]
    return torch.searchsorted(cumulative_RV, draws_RK.contiguous(), right=True)
