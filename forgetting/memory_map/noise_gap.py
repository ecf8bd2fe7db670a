"""Weight noise: what is stored in few weights falls first when all of them are shaken a little."""

import copy

import numpy as np
import torch
from transformers import PreTrainedModel

from core.errors import UserError
from forgetting.memory_map.scorer import Evidence, GapScorer, piece_logprobs, score_of_gap


class NoiseGap(GapScorer):
    """Scores how much a token's log-likelihood falls under Gaussian noise in the teacher's weights.

    Each tensor of two or more dimensions becomes θ + noise · std(θ) · N(0, 1); the fall is averaged over
    `num_draws` draws; `gap` nats score one half. The teacher itself isn't touched: a copy is noised. Needs
    no second model and no renaming, and is the coarsest sign of all: hard skills fall as well.

    Cost: `num_draws` passes of the teacher over the texts concerned, and its memory twice.
    """

    def __init__(self, *, noise: float = 0.3, num_draws: int = 4, gap: float = 1.0, seed: int = 0):
        """Raises UserError without noise, without a draw, or for a gap that isn't positive."""
        super().__init__(gap=gap)
        if not noise > 0:
            raise UserError(f"NoiseGap: noise must be above 0, not {noise}")
        if num_draws < 1:
            raise UserError(f"NoiseGap: num_draws must be at least 1, not {num_draws}")
        self.noise, self.num_draws, self.seed = noise, num_draws, seed

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        generator = torch.Generator().manual_seed(self.seed)
        shaken = copy.deepcopy(evidence.teacher)
        total_M = np.zeros(len(wanted_M))
        for draw in range(1, self.num_draws + 1):
            self._shake(shaken, evidence.teacher, generator)
            note = f"noise {draw}/{self.num_draws}"
            shaken_M = piece_logprobs(shaken, evidence.pieces, wanted_M, evidence.report, note)
            total_M += evidence.teacher_logprob_M - shaken_M
        return score_of_gap(total_M / self.num_draws, self.gap)

    @torch.no_grad()
    def _shake(
        self, shaken: PreTrainedModel, teacher: PreTrainedModel, generator: torch.Generator
    ) -> None:
        """Make `shaken` the teacher with fresh noise; tied weights stay tied."""
        for weight, own in zip(shaken.parameters(), teacher.parameters(), strict=True):
            if own.dim() >= 2:
                draw = torch.randn(own.shape, generator=generator).to(own)
                weight.copy_(own + draw * (self.noise * own.std()))
