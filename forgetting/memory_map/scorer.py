"""The base class of scorers, and what they are given."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.errors import UserError
from core.models.attention import fast_attention
from core.models.taught import taught_labels, taught_logits_in_parts
from core.runs.console import Report
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.pieces import LENGTH, Pieces, batches


@dataclass(frozen=True)
class Evidence:
    """What a scorer may look at: texts and models. No `source` label is among it.

    `teacher_logprob_M` holds the teacher's log-probability of each taught token, in nats, and
    `teacher_hit_M` whether that token is its first choice (None: not looked at). `reference` is the arm
    `memory_map.reference`, if one is named, and `reference_logprob_M` what it makes of the same tokens.
    `fold_P` is the fold that each piece's row belongs to, where the corpus was cut into folds.
    """

    pieces: Pieces
    tokenizer: PreTrainedTokenizerFast
    teacher: PreTrainedModel
    teacher_logprob_M: np.ndarray
    reference: PreTrainedModel | None
    report: Report
    fold_P: np.ndarray | None = None
    reference_logprob_M: np.ndarray | None = None
    teacher_hit_M: np.ndarray | None = None


class Scorer(ABC):
    """Scores tokens in [0, 1]: one half is where a token begins to count as memory by this sign.

    The scores of a shard of the corpus may not depend on which others were scored before it.
    """

    def files(self) -> list[Path]:
        """Files whose content shapes the scores, so that a changed file is noticed."""
        return []

    def prepare(self, tokenizer: PreTrainedTokenizerFast) -> None:  # noqa: B027, most need nothing
        """Load what `score` needs beside the evidence.

        Args:
            tokenizer: the corpus's.

        Raises:
            UserError: something is missing; nothing has been scored then.
        """

    def survey(self, teacher: PreTrainedModel, pieces: Pieces) -> None:  # noqa: B027, likewise
        """Learn from some of the corpus what holds for all of it, once, before `score` is asked.

        Args:
            teacher: the model whose memories are looked for.
            pieces: those of the first shard, in every process.
        """

    @abstractmethod
    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """Score tokens.

        Args:
            evidence: texts and models; no label of where a text is from.
            wanted_M: the tokens that are asked for, (M,) of bool.

        Returns:
            Scores (M,) in [0, 1]; those of tokens that aren't wanted are ignored.
        """

    def parts(self) -> list["Scorer"]:
        """The scorers that this one consists of: itself, unless it combines others."""
        return [self]

    @property
    def signs(self) -> list[str]:
        """What has to say yes for a token to be memory, in the order in which it is asked."""
        return [type(self).__name__]

    def judge(self, evidence: Evidence, wanted_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Score tokens, and tell which sign let one go.

        Args:
            evidence: as in `score`.
            wanted_M: as in `score`.

        Returns:
            Scores (M,), and for each wanted token the number, from 1, of the sign that said no first; or 0.
        """
        score_M = self.score(evidence, wanted_M)
        return score_M, refusals(score_M, wanted_M)


def refusals(score_M: np.ndarray, wanted_M: np.ndarray) -> np.ndarray:
    """1 (M,) where the only sign said no to a wanted token, else 0."""
    return (wanted_M & (score_M < THRESHOLD)).astype(np.uint8)


class GapScorer(Scorer):
    """A scorer by how much less likely something makes a token; `gap` nats score one half."""

    def __init__(self, *, gap: float = 1.0):
        """Set what counts as much.

        Args:
            gap: nats that score one half.

        Raises:
            UserError: the gap isn't positive.
        """
        if not gap > 0:
            raise UserError(f"{type(self).__name__}: gap must be above 0 nats, not {gap}")
        self.gap = gap

    def score_against(
        self, model: PreTrainedModel, evidence: Evidence, wanted_M: np.ndarray, note: str
    ) -> np.ndarray:
        """Score by the gap between the teacher and another model, in one pass of the latter.

        Args:
            model: the other one.
            evidence: as in `score`.
            wanted_M: as in `score`.
            note: what the progress bar says.

        Returns:
            Scores (M,) in [0, 1].
        """
        model.to(evidence.teacher.device)  # type: ignore[arg-type]
        other_M = piece_logprobs(model, evidence.pieces, wanted_M, evidence.report, note)
        return score_of_gap(evidence.teacher_logprob_M - other_M, self.gap)


def score_of_gap(gap_nats: np.ndarray, half: float) -> np.ndarray:
    """1 − 2^(−gap / half): 0 without a gap, one half at `half` nats, towards 1 beyond."""
    return 1 - np.exp2(-np.clip(gap_nats, 0, None) / half)


def logprobs(
    model: PreTrainedModel,
    ids: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    report: Report,
    note: str,
    targets: Sequence[np.ndarray] | None = None,
) -> list[np.ndarray]:
    """Work out the log-probability of each wanted token given what precedes it in its sequence.

    Args:
        model: any causal model.
        ids: token ids of each sequence.
        wanted: which of them are asked for, bool of the same shapes.
        report: told how far it is.
        note: what it is told.
        targets: tokens to ask for in place of those that are read; None: the tokens themselves.

    Returns:
        Values in nats of the same shapes. A sequence's first token is never predicted: its value is 0, as is
        that of tokens not wanted.
    """
    found = _token_values(_logprob_N1, model, ids, wanted, report, note, targets)
    return [values_T1[:, 0] for values_T1 in found]


def piece_logprobs(
    model: PreTrainedModel, pieces: Pieces, wanted_M: np.ndarray, report: Report, note: str
) -> np.ndarray:
    """`logprobs` of the pieces' own tokens, flat (M,)."""
    bounds = pieces.first[1:-1]
    ids, wanted = np.split(pieces.ids, bounds), np.split(wanted_M, bounds)
    return np.concatenate(logprobs(model, ids, wanted, report, note))


def piece_logprobs_and_hits(
    model: PreTrainedModel, pieces: Pieces, wanted_M: np.ndarray, report: Report, note: str
) -> tuple[np.ndarray, np.ndarray]:
    """`piece_logprobs`, and which wanted tokens (M,) are the model's first choice; in one pass."""
    bounds = pieces.first[1:-1]
    ids, wanted = np.split(pieces.ids, bounds), np.split(wanted_M, bounds)
    asked = model, ids, wanted, report, note
    found_M2 = np.concatenate(_token_values(_logprob_and_hit_N2, *asked, num_values=2))
    return found_M2[:, 0], found_M2[:, 1] > 0


def _logprob_N1(logits_NV: Tensor, labels_N: Tensor) -> Tensor:
    return -F.cross_entropy(logits_NV.float(), labels_N, reduction="none")[:, None]


def _logprob_and_hit_N2(logits_NV: Tensor, labels_N: Tensor) -> Tensor:
    hit_N1 = (logits_NV.argmax(-1) == labels_N).float()[:, None]
    return torch.cat([_logprob_N1(logits_NV, labels_N), hit_N1], dim=1)


@torch.no_grad()
def _token_values(
    value_of: Callable[[Tensor, Tensor], Tensor],
    model: PreTrainedModel,
    ids: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    report: Report,
    note: str,
    targets: Sequence[np.ndarray] | None = None,
    num_values: int = 1,
) -> list[np.ndarray]:
    """`value_of(logits, labels)`, (N, num_values), at each wanted token of the sequences that have any."""
    result = [np.zeros((len(x), num_values), dtype=np.float32) for x in ids]
    wanted = [np.concatenate([[False], mask[1:]]) for mask in wanted]
    numbers = [n for n, mask in enumerate(wanted) if mask.any()]
    chosen = [ids[n] for n in numbers], [wanted[n] for n in numbers]
    labelled = None if targets is None else [targets[n] for n in numbers]
    total, done = sum(len(x) for x in chosen[0]), 0
    width = max([LENGTH, *map(len, chosen[0])])
    with fast_attention(model, width, torch.is_autocast_enabled(model.device.type)):
        for order, input_ids, positions, labels in batches(*chosen, targets=labelled):
            on_device = (x.to(model.device) for x in (input_ids, positions, labels))
            labels_N = taught_labels(labels).to(model.device)
            values_NC = np.concatenate(
                [
                    value_of(logits_nV, labels_N[part]).cpu().numpy()
                    for part, logits_nV in taught_logits_in_parts(model, *on_device)
                ]
            )
            at = 0
            for k in order:
                mask = chosen[1][k]
                count = int(mask.sum())
                result[numbers[k]][mask] = values_NC[at : at + count]
                at += count
            done += int((positions > 0).sum()) + len(order)
            report(min(done, total), total, note)
    return result
