"""The base class of scorers, and what they are given."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.console import Report
from core.taught import taught_labels, taught_logits
from forgetting.memory_map.pieces import Pieces, batches


@dataclass(frozen=True)
class Evidence:
    """What a scorer may look at: texts and models. No `source` label is among it."""

    pieces: Pieces
    tokenizer: PreTrainedTokenizerFast
    teacher: PreTrainedModel
    teacher_logprob_M: np.ndarray
    reference: PreTrainedModel
    report: Report


class Scorer(ABC):
    """Scores tokens in [0, 1]: one half is where a token begins to count as memory by this sign."""

    @abstractmethod
    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """Scores (M,) of the wanted tokens; what the others get is ignored."""


def score_of_gap(gap_nats: np.ndarray, half: float) -> np.ndarray:
    """1 − 2^(−gap / half): 0 without a gap, one half at `half` nats, towards 1 beyond."""
    return 1 - np.exp2(-np.clip(gap_nats, 0, None) / half)


@torch.no_grad()
def logprobs(
    model: PreTrainedModel,
    ids: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    report: Report,
    note: str,
) -> list[np.ndarray]:
    """Log-probability of each wanted token given what precedes it in its own sequence, in nats.

    A sequence's first token is never predicted: its value is 0, as is that of tokens not wanted.
    """
    result = [np.zeros(len(x), dtype=np.float32) for x in ids]
    wanted = [np.concatenate([[False], mask[1:]]) for mask in wanted]
    numbers = [n for n, mask in enumerate(wanted) if mask.any()]
    chosen = [ids[n] for n in numbers], [wanted[n] for n in numbers]
    total, done = sum(len(x) for x in chosen[0]), 0
    for order, input_ids, positions, labels in batches(*chosen):
        on_device = (x.to(model.device) for x in (input_ids, positions, labels))
        logits_NV = taught_logits(model, *on_device)
        labels_N = taught_labels(labels).to(model.device)
        values_N = -F.cross_entropy(logits_NV.float(), labels_N, reduction="none").cpu().numpy()
        at = 0
        for k in order:
            mask = chosen[1][k]
            count = int(mask.sum())
            result[numbers[k]][mask] = values_N[at : at + count]
            at += count
        done += int((positions > 0).sum()) + len(order)
        report(min(done, total), total, note)
    return result


def piece_logprobs(
    model: PreTrainedModel, pieces: Pieces, wanted_M: np.ndarray, report: Report, note: str
) -> np.ndarray:
    """`logprobs` of the pieces' own tokens, flat (M,)."""
    bounds = pieces.first[1:-1]
    ids, wanted = np.split(pieces.ids, bounds), np.split(wanted_M, bounds)
    return np.concatenate(logprobs(model, ids, wanted, report, note))
