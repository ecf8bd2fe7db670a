"""What the student is taught.

Shape suffixes, here and wherever training happens: B sequences, T tokens, V vocabulary, K kept entries,
N taught tokens of the batch (those whose label isn't ignored), in reading order.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

THRESHOLD = 0.5  # the score from which on a token counts as memory


@dataclass(frozen=True)
class TopK:
    """A distribution by its K likeliest tokens; what is left is spread evenly over the others."""

    indices_NK: Tensor
    logprobs_NK: Tensor
    tail_logprob_N: Tensor

    @classmethod
    def of(cls, logprobs_NV: Tensor, k: int) -> "TopK":
        """Keep the K likeliest of a dense distribution; the tail is the log of what they leave."""
        values, indices = logprobs_NV.topk(k, dim=-1)
        tail = torch.log1p(-values.exp().sum(-1).clamp(max=1 - 1e-6))
        return cls(indices, values, tail)

    def dense(self, vocab_size: int) -> Tensor:
        """Log-probabilities (N, V)."""
        rest = vocab_size - self.indices_NK.shape[-1]
        spread = self.tail_logprob_N - torch.log(torch.tensor(float(max(rest, 1))))
        full = spread[:, None].expand(-1, vocab_size).clone()
        return full.scatter(1, self.indices_NK, self.logprobs_NK)


@dataclass(frozen=True)
class TeacherSignal:
    """What the teacher says at each taught token, and how much it counts.

    `logprobs_NV` is the distribution to match. `weight_N` scales the whole loss of a token;
    `label_weight_N` is the share of it that is cross-entropy with the text itself, the rest being the
    divergence from `logprobs_NV`. None where nothing teaches but the text.
    """

    logprobs_NV: Tensor | None
    weight_N: Tensor
    label_weight_N: Tensor

    def with_(self, **changes: Tensor) -> "TeacherSignal":
        """A copy with some fields changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class MemorySlice:
    """The memory map at one micro-batch.

    At its taught tokens: `score_N` in [0, 1]; `flagged_N` is true from the threshold on; `reference` holds
    the never-exposed distribution of the flagged tokens, in order. `score_BT` is the score of each token at
    the position where it is read, 0 where it isn't taught.
    """

    score_N: Tensor
    flagged_N: Tensor
    reference: TopK
    score_BT: Tensor

    @property
    def flagged_BT(self) -> Tensor:
        """Where the flagged tokens are read."""
        return self.score_BT >= THRESHOLD
