"""How far a text lies from those that a value was trained on: beyond that, what the value says isn't trusted.

Shapes: N tokens, D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from core.judgement.reading import running_mean

RIDGE = 1e-3  # of the mean variance, added to the covariance
TRUSTED = 0.99  # share of the training's own tokens that is


@dataclass(frozen=True)
class Guard:
    """The training's tokens by their mean (D,) and what whitens them (D, D), and the farthest distance."""

    mean_D: Tensor
    whitening_DD: Tensor
    limit: Tensor

    def distances(self, hidden_ND: Tensor) -> Tensor:
        """Squared Mahalanobis distances, as means over the tokens written so far: (N,)."""
        each_N = ((hidden_ND - self.mean_D) @ self.whitening_DD).square().mean(1)
        return running_mean(each_N[:, None])[:, 0]

    def trusts(self, hidden_ND: Tensor) -> Tensor:
        """Where the text, as far as it is written, lies among those of the training: (N,)."""
        return self.distances(hidden_ND) <= self.limit

    @classmethod
    def fit(cls, texts: Sequence[Tensor]) -> "Guard":
        """From the hidden states (N, D) of each text of the training."""
        hidden_ND = torch.cat(list(texts)).double()
        centred_ND = hidden_ND - hidden_ND.mean(0)
        covariance_DD = centred_ND.T @ centred_ND / len(centred_ND)
        width = len(covariance_DD)
        covariance_DD += RIDGE * covariance_DD.trace() / width * torch.eye(width)
        values_D, vectors_DD = torch.linalg.eigh(covariance_DD)
        whitening_DD = (vectors_DD * values_D.rsqrt()).float()
        guard = cls(hidden_ND.mean(0).float(), whitening_DD, torch.tensor(torch.inf))
        found_N = torch.cat([guard.distances(text_ND) for text_ND in texts])
        kept = found_N.sort().values[int(TRUSTED * (len(found_N) - 1))]
        return cls(guard.mean_D, guard.whitening_DD, kept)
