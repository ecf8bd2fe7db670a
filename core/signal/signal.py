"""What the student is taught.

Shape suffixes, here and wherever training happens: B sequences, T tokens, D channels, V vocabulary, K kept
entries, N taught tokens of the batch (those whose label isn't ignored), in reading order; M flagged ones.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from core.models.taught import filled

THRESHOLD = 0.5  # the score from which on a token counts as memory


class Distributions(ABC):
    """A distribution over the vocabulary at each of N tokens, made a few rows at a time.

    All of them at once, (N, V), may not fit into memory.
    """

    @abstractmethod
    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        """Log-probabilities (n, V) of some tokens, in float32 at least; not to be changed in place.

        `student_nV` are the student's logits there, to spread a tail by of which only the mass is known.
        """

    def edited(self, where_N: Tensor, edit: Callable[[Tensor, slice], Tensor]) -> "Distributions":
        """The same distributions, but those of the M tokens where `where_N` is true as `edit` changes them.

        `edit` is given log-probabilities (m, V) of some of these, and which of the M they are.
        """
        return _Edited(self, where_N, edit)


@dataclass(frozen=True)
class Dense(Distributions):
    """Distributions that are kept whole: (N, V)."""

    logprobs_NV: Tensor

    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        """See the base class."""
        return self.logprobs_NV[part]


@dataclass(frozen=True)
class Projected(Distributions):
    """What a model says from its last hidden states (N, D), at a temperature.

    `dtype` is the precision of the projection's products; None: that of the weights.
    """

    hidden_ND: Tensor
    head: nn.Module
    temperature: float = 1.0
    dtype: torch.dtype | None = None

    @cached_property
    def _matrix(self) -> tuple[Tensor, Tensor | None]:
        """The projection (V, D) and its bias (V,) or None, turned into that precision once."""
        weight_VD, bias_V = self.head.weight, getattr(self.head, "bias", None)
        if self.dtype is None:
            return weight_VD, bias_V  # type: ignore[return-value]
        return weight_VD.to(self.dtype), None if bias_V is None else bias_V.to(self.dtype)  # type: ignore[return-value, operator]

    @torch.no_grad()
    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        """See the base class."""
        matrix_VD, bias_V = self._matrix
        hidden_nD = self.hidden_ND[part].to(matrix_VD.dtype)
        logits_nV = F.linear(filled(hidden_nD), matrix_VD, bias_V)[: len(hidden_nD)]
        logits_nV = at_least_float32(logits_nV)
        if self.temperature != 1:
            logits_nV = logits_nV / self.temperature
        return F.log_softmax(logits_nV, dim=-1)


@dataclass(frozen=True)
class _Edited(Distributions):
    source: Distributions
    where_N: Tensor
    edit: Callable[[Tensor, slice], Tensor]

    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        """See the base class."""
        logprobs_nV, where_n = self.source.rows(part, student_nV), self.where_N[part]
        first, count = (
            int(self.where_N[: part.start].sum()) if part.start else 0,
            int(where_n.sum()),
        )
        if not count:
            return logprobs_nV
        new_mV = self.edit(logprobs_nV[where_n], slice(first, first + count))
        return logprobs_nV.index_put((where_n,), new_mV.to(logprobs_nV))


@dataclass(frozen=True)
class TopK:
    """A distribution by its K likeliest tokens, and the probability that is left for all the others."""

    indices_NK: Tensor
    logprobs_NK: Tensor
    tail_logprob_N: Tensor

    @classmethod
    def of(cls, logprobs_NV: Tensor, k: int) -> "TopK":
        """Keep the K likeliest of a dense distribution; the tail is the log of what they leave."""
        values, indices = logprobs_NV.topk(k, dim=-1)
        tail = torch.log1p(-values.exp().sum(-1).clamp(max=1 - 1e-6))
        return cls(indices, values, tail)

    def __getitem__(self, rows: slice | Tensor) -> "TopK":
        """The distributions of some tokens."""
        return TopK(self.indices_NK[rows], self.logprobs_NK[rows], self.tail_logprob_N[rows])

    def to(self, device: torch.device) -> "TopK":
        """The same on another device."""
        return TopK(
            *(x.to(device) for x in (self.indices_NK, self.logprobs_NK, self.tail_logprob_N))
        )

    def dense(self, vocab_size: int, student_NV: Tensor | None = None) -> Tensor:
        """Log-probabilities (N, V), with the tail spread evenly or as the student's logits (N, V) spread it.

        Spread in proportion to the student's own, all other tokens act as one bucket: their part of the
        forward KL is p_tail · log(p_tail / q_tail), and a student that agrees on the K and on the bucket has
        no gradient.
        """
        if student_NV is None:
            rest = vocab_size - self.indices_NK.shape[-1]
            spread = self.tail_logprob_N - torch.log(torch.tensor(float(max(rest, 1))))
            full = spread[:, None].expand(-1, vocab_size).clone()
        else:
            others = student_NV.scatter(1, self.indices_NK, float("-inf"))
            full = F.log_softmax(others, dim=-1).add_(self.tail_logprob_N[:, None])
        return full.scatter_(1, self.indices_NK, self.logprobs_NK)


def at_least_float32(tensor: Tensor) -> Tensor:
    """The precision in which probabilities are worked out."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


@dataclass(frozen=True)
class Sparse(Distributions):
    """Distributions by their likeliest tokens, of a vocabulary of the given size."""

    kept: TopK
    vocab_size: int

    def rows(self, part: slice, student_nV: Tensor | None = None) -> Tensor:
        """See the base class."""
        return self.kept[part].dense(self.vocab_size, student_nV)


@dataclass(frozen=True)
class TeacherSignal:
    """What the teacher says at each taught token, and how much it counts.

    `target` holds the distributions to match. `weight_N` scales the whole loss of a token;
    `label_weight_N` is the share of it that is cross-entropy with the text itself, the rest being the
    divergence from `target`. None where nothing teaches but the text.
    """

    target: Distributions | None
    weight_N: Tensor
    label_weight_N: Tensor

    def with_(self, **changes: Any) -> "TeacherSignal":
        """A copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class MemorySlice:
    """The memory map at one micro-batch.

    At its taught tokens: `score_N` in [0, 1]; `flagged_N` is true from the threshold on; `reference` holds
    the never-exposed distribution of the flagged tokens, in order. `score_BT` is the score of each token at
    the position where it is read, 0 where it isn't taught. `lead_N` is by how many nats the reference finds
    a token likelier than the teacher does; None where there is no reference.
    """

    score_N: Tensor
    flagged_N: Tensor
    reference: TopK
    score_BT: Tensor
    lead_N: Tensor | None = None

    @property
    def flagged_BT(self) -> Tensor:
        """Where the flagged tokens are read."""
        return self.score_BT >= THRESHOLD


class Teacher(Protocol):
    """Where a student's signal comes from."""

    temperature: float

    def distributions(self, batch: dict[str, Tensor]) -> Distributions:
        """What it says at the N taught tokens of a batch as training reads it."""


class Memory(Protocol):
    """Where a batch's part of a memory map comes from."""

    def at(self, batch: dict[str, Tensor]) -> MemorySlice:
        """The map at a micro-batch as training reads it."""
