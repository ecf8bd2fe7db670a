"""The audit of a morning that needs no labels: does the core predict what went to the store?"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.night.generalizes import DayTokens
from core.night.likelihood import hits

Documents = Sequence[Mapping[str, Any]]  # each with `text` and the `spans` of its memory


def predicted(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, documents: Documents, length: int
) -> float | None:
    """The share of the documents' memory tokens that are the model's first choice; None without any."""
    rows = [{"id": str(n), "text": one["text"]} for n, one in enumerate(documents) if one["spans"]]
    if not rows:
        return None
    spans = [one["spans"] for one in documents if one["spans"]]
    tokens = DayTokens(rows, tokenizer, length)
    asked_ST = np.zeros_like(tokens.taught_ST)
    for number, own in enumerate(spans):
        of_row_ST = tokens.of_rows([number])
        for start, end in own:
            asked_ST |= of_row_ST & (tokens.start_ST < end) & (tokens.end_ST > start)
    return float(hits(model, tokens.sequences)[asked_ST].mean()) if asked_ST.any() else None


def audit(
    evening: PreTrainedModel,
    morning: PreTrainedModel,
    tokenizer: PreTrainedTokenizerFast,
    documents: Mapping[str, Documents],
    length: int,
) -> dict[str, tuple[float, float]]:
    """By name of the documents, what the core predicted in the evening and does in the morning."""
    found = {}
    for name, own in documents.items():
        was = predicted(evening, tokenizer, own, length)
        now = predicted(morning, tokenizer, own, length)
        if was is not None and now is not None:
            found[name] = (was, now)
    return found
