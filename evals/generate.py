"""Continue prompts token by token, greedily or sampled.

Unlike `model.generate`, draws come from a generator that is handed in. Shapes: B batch, T tokens, S stops,
V vocabulary.
"""

from collections.abc import Collection, Iterator, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel


@torch.no_grad()
def generate(
    model: PreTrainedModel,
    prompts: Sequence[Sequence[int]],
    num_tokens: int,
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
    stops: Collection[int] = (),
    tokens_per_batch: int = 16384,
) -> list[list[int]]:
    """Up to `num_tokens` token ids after each prompt (token ids, at least one), in the order given.

    Temperature 0 takes the likeliest token; otherwise tokens are drawn from the whole distribution by
    `generator` (on the CPU, so that a seed draws the same on every device). A continuation ends before the
    first of `stops`. At most `tokens_per_batch` tokens, padding included, are held in a key-value cache.
    """
    assert temperature == 0 or generator is not None, "sampling needs a generator"
    was_training = model.training
    model.eval()
    try:
        continued: dict[int, list[int]] = {}
        for batch in _batches([len(prompt) for prompt in prompts], num_tokens, tokens_per_batch):
            rows = _continue(
                model, [prompts[i] for i in batch], num_tokens, temperature, generator, stops
            )
            continued.update(zip(batch, rows, strict=True))
    finally:
        model.train(was_training)
    return [continued[index] for index in range(len(prompts))]


def _batches(lengths: list[int], num_tokens: int, tokens_per_batch: int) -> Iterator[list[int]]:
    """Indices by falling length, so that little is padding and the largest batch comes first."""
    order = sorted(range(len(lengths)), key=lambda i: -lengths[i])
    while order:
        size = max(1, tokens_per_batch // (lengths[order[0]] + num_tokens))
        yield order[:size]
        order = order[size:]


def _continue(
    model: PreTrainedModel,
    prompts: list[Sequence[int]],
    num_tokens: int,
    temperature: float,
    generator: torch.Generator | None,
    stops: Collection[int],
) -> list[list[int]]:
    longest = max(map(len, prompts))
    device = model.device
    # Padded on the left, so that every prompt ends where its continuation begins; any id will do, masked.
    ids_BT = torch.tensor([[0] * (longest - len(p)) + list(p) for p in prompts], device=device)
    mask_BT = torch.tensor(
        [[0] * (longest - len(p)) + [1] * len(p) for p in prompts], device=device
    )
    position_BT = (mask_BT.cumsum(1) - 1).clamp(min=0)
    stop_S = torch.tensor(sorted(stops), device=device, dtype=torch.long)
    stopped_B = torch.zeros(len(prompts), dtype=torch.bool, device=device)
    cache, said_TB, running_TB = None, [], []
    for _ in range(num_tokens):
        out = model(
            input_ids=ids_BT,
            attention_mask=mask_BT,
            position_ids=position_BT,
            past_key_values=cache,
            use_cache=True,
        )
        cache = out.past_key_values
        next_B = _choose(out.logits[:, -1].float(), temperature, generator)
        stopped_B |= torch.isin(next_B, stop_S)
        said_TB.append(next_B)
        running_TB.append(~stopped_B)
        if stopped_B.all():
            break
        ids_BT = next_B[:, None]
        mask_BT = torch.cat([mask_BT, torch.ones_like(ids_BT)], dim=1)
        position_BT = position_BT[:, -1:] + 1
    said_BT, lengths_B = torch.stack(said_TB, 1).tolist(), torch.stack(running_TB).sum(0).tolist()
    return [row[:length] for row, length in zip(said_BT, lengths_B, strict=True)]


def _choose(logits_BV: Tensor, temperature: float, generator: torch.Generator | None) -> Tensor:
    """The next token of each row: (B,)."""
    if temperature == 0:
        return logits_BV.argmax(1)
    summed_BV = (logits_BV / temperature).softmax(1).cumsum(1)
    # A uniform draw below the last sum, which rounding keeps from being 1, falls in one token's share.
    drawn_B1 = torch.rand(len(logits_BV), 1, generator=generator).to(summed_BV) * summed_BV[:, -1:]
    return torch.searchsorted(summed_BV, drawn_B1, right=True)[:, 0].clamp(
        max=logits_BV.shape[1] - 1
    )
