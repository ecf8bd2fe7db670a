"""A logistic curve over features of a token: how likely the solution that it stands in will come out right.

Shapes: N tokens, F features.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from core.errors import UserError

ITERATIONS, PENALTY = 200, 1e-3  # of L-BFGS; on the squared weights of standardized features
LEAST = 1e-6  # spread of a feature below which it tells nothing


@dataclass(frozen=True)
class Head:
    """Weights (F,) and bias for features that are standardized by `mean_F` and `scale_F`."""

    weight_F: Tensor
    bias: Tensor
    mean_F: Tensor
    scale_F: Tensor

    def logits(self, features_NF: Tensor) -> Tensor:
        """Log-odds (N,) of a right end."""
        return ((features_NF - self.mean_F) / self.scale_F) @ self.weight_F + self.bias

    def __call__(self, features_NF: Tensor) -> Tensor:
        """Probabilities (N,) of a right end."""
        return self.logits(features_NF).sigmoid()

    @classmethod
    def fit(cls, features_NF: Tensor, right_N: Tensor) -> "Head":
        """Cross-entropy of the outcome at every token (arXiv 2505.17373), no step being labelled.

        Raises UserError where all outcomes are the same: nothing can be learned from them.
        """
        outcomes_N = right_N.float()
        if not 0 < float(outcomes_N.mean()) < 1:
            which = "right" if len(outcomes_N) and outcomes_N[0] else "wrong"
            raise UserError(
                f"all solutions came out {which}, so no value can be learned from them: take a core that "
                "solves some and not all, longer or shorter training, or other value.families"
            )
        mean_F, scale_F = features_NF.mean(0), features_NF.std(0).clamp(min=LEAST)
        standard_NF = (features_NF - mean_F) / scale_F
        weight_F = torch.zeros(features_NF.shape[1], requires_grad=True)
        share = outcomes_N.mean()
        bias = (share.log() - (1 - share).log()).clone().requires_grad_(True)
        optimizer = torch.optim.LBFGS(
            [weight_F, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe"
        )

        def closure() -> Tensor:
            optimizer.zero_grad()
            logits_N = standard_NF @ weight_F + bias
            loss = F.binary_cross_entropy_with_logits(logits_N, outcomes_N)
            loss = loss + PENALTY * (weight_F**2).sum()
            loss.backward()  # type: ignore[no-untyped-call]
            return loss

        with torch.enable_grad():
            optimizer.step(closure)  # type: ignore[no-untyped-call]
        return cls(weight_F.detach(), bias.detach(), mean_F, scale_F)
