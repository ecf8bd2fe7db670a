"""Forward passes over texts of uneven lengths, batched so that neither tokens nor logits pile up.

Shapes: B batch, T tokens, V vocabulary, N texts, L layers, D hidden size.
"""

from collections.abc import Iterator, Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.models.gate import traits_of
from core.models.inference import MAX_LOGITS, TOKENS_PER_BATCH, evaluating
from evals.recall.likelihood import batches


def text_logits(
    model: PreTrainedModel, texts: Sequence[Sequence[int]]
) -> Iterator[tuple[int, torch.Tensor]]:
    """Read texts, and yield their logits.

    Args:
        model: any causal model.
        texts: token ids of each, of any lengths.

    Yields:
        The place of a text in `texts`, and its logits (T, V) in float32; row t is what the model says of
        token t + 1, given the true ones up to t. Texts come in any order.
    """
    vocab_size = model.config.get_text_config().vocab_size
    budget = min(TOKENS_PER_BATCH, MAX_LOGITS // vocab_size)
    padded = traits_of(model).padded_right
    with evaluating(model):
        for batch in batches([len(text) for text in texts], budget, padded=padded):
            ids_BT = _padded(model, [texts[index] for index in batch])
            logits_BTV = model(input_ids=ids_BT, use_cache=False).logits
            for index, logits_TV in zip(batch, logits_BTV, strict=True):
                yield index, logits_TV[: len(texts[index])].float()


def last_hidden_states(
    model: PreTrainedModel, texts: Sequence[Sequence[int]]
) -> torch.Tensor | None:
    """Read texts, and keep the hidden states at the last token of each.

    Args:
        model: any causal model.
        texts: token ids of each, of any lengths.

    Returns:
        States (L + 1, N, D), float32 on the CPU; the embeddings come first. None where the model keeps
        something else than one state a token: several streams of them, say.
    """
    found: dict[int, torch.Tensor] = {}
    padded = traits_of(model).padded_right
    with evaluating(model):
        for batch in batches([len(text) for text in texts], TOKENS_PER_BATCH, padded=padded):
            ids_BT = _padded(model, [texts[index] for index in batch])
            outputs = model.base_model(input_ids=ids_BT, use_cache=False, output_hidden_states=True)
            layers = outputs.get("hidden_states") or ()
            shapes = {tuple(hidden_BTD.shape) for hidden_BTD in layers}
            if len(shapes) != 1 or next(iter(shapes))[:-1] != ids_BT.shape:
                return None
            for row, index in enumerate(batch):
                last = len(texts[index]) - 1
                states = [hidden_BTD[row, last] for hidden_BTD in layers]
                found[index] = torch.stack(states).float().cpu()
    return torch.stack([found[index] for index in range(len(texts))], dim=1)


def _padded(model: PreTrainedModel, texts: Sequence[Sequence[int]]) -> torch.Tensor:
    """Token ids, padded on the right, where no text sees it: that needs no mask."""
    ids_BT = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    return ids_BT.to(model.device)
