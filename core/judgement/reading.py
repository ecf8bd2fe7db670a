"""What a model feels and thinks at each token of a solution: its hidden states, and three simple numbers.

Shapes: B texts of a batch, T tokens of a text, N written tokens, D width, V vocabulary, F features.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.inference import MAX_LOGITS, TOKENS_PER_BATCH, evaluating


@dataclass(frozen=True)
class Reading:
    """At each written token, once it is read: the hidden state (N, D) and the feelings (N, 3).

    Feelings are of all tokens written so far, by the distributions that they were drawn from: the sum of
    their log-probabilities, that of the entropies, and the probability of the least likely one.
    """

    hidden_ND: Tensor
    feeling_N3: Tensor


def read_texts(
    model: PreTrainedModel, texts: Sequence[tuple[Sequence[int], Sequence[int]]], layer: int
) -> list[Reading]:
    """Read prompts with what is written behind them.

    `layer` counts the outputs of the layers, 0 being the embeddings and the last that which is projected onto
    the vocabulary; negative ones count from the end. Raises UserError for one that the model doesn't have, or
    where it keeps several streams of states, and for a text without a prompt or without anything written.
    """
    check_layer(model, layer)
    found: dict[int, Reading] = {}
    with evaluating(model):
        for batch in _batches(model, texts):
            rows = [torch.tensor([*texts[i][0], *texts[i][1]]) for i in batch]
            ids_BT = torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).to(model.device)
            outputs = model(input_ids=ids_BT, output_hidden_states=True, use_cache=False)
            hidden_BTD = outputs.hidden_states[layer].float().cpu()
            if hidden_BTD.shape[:-1] != ids_BT.shape:
                raise UserError(
                    f"value.layer={layer}: {type(model).__name__} has no single hidden state a token there; "
                    "choose value.layer=-1"
                )
            for place, index in enumerate(batch):
                prompt, written = texts[index]
                first, last = len(prompt), len(prompt) + len(written)
                logits_NV = outputs.logits[place, first - 1 : last - 1].float().cpu()
                feeling_N3 = feelings(logits_NV, torch.tensor(list(written)))
                found[index] = Reading(hidden_BTD[place, first:last].clone(), feeling_N3)
    return [found[index] for index in range(len(texts))]


def check_layer(model: PreTrainedModel, layer: int) -> None:
    """Raise UserError for a layer that the model doesn't have."""
    count = int(model.config.get_text_config().num_hidden_layers) + 1
    if not -count <= layer < count:
        raise UserError(
            f"value.layer={layer}: the model has layers 0 to {count - 1}, or -{count} to -1"
        )


def feelings(logits_NV: Tensor, written_N: Tensor) -> Tensor:
    """How it went so far (N, 3): log-likelihood, entropy, and the least probability of a token.

    Where each token is right as often as it is likely, the logarithm of the chance that all are is the sum of
    their log-probabilities: so sums, and not means.
    """
    logprob_NV = F.log_softmax(logits_NV, dim=-1)
    own_N = logprob_NV.gather(1, written_N[:, None])[:, 0]
    entropy_N = -(logprob_NV.exp() * logprob_NV).sum(-1)
    least_N = own_N.exp().cummin(0).values
    return torch.stack([own_N.cumsum(0), entropy_N.cumsum(0), least_N], dim=1)


def running_mean(each_NF: Tensor) -> Tensor:
    """Means over the tokens written so far: (N, F)."""
    return each_NF.cumsum(0) / torch.arange(1, len(each_NF) + 1)[:, None]


def _batches(
    model: PreTrainedModel, texts: Sequence[tuple[Sequence[int], Sequence[int]]]
) -> Iterator[list[int]]:
    """Indices of texts, the longest first, that fit together; padding stands behind, where none sees it."""
    budget = min(TOKENS_PER_BATCH, MAX_LOGITS // model.config.get_text_config().vocab_size)
    batch: list[int] = []
    for index in sorted(range(len(texts)), key=lambda i: -len(texts[i][0]) - len(texts[i][1])):
        if not texts[index][0] or not texts[index][1]:
            raise UserError("a text to judge needs a prompt, and something written behind it")
        widest = sum(map(len, texts[batch[0] if batch else index]))
        if batch and (len(batch) + 1) * widest > budget:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
