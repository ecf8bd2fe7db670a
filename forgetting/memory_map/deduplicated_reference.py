"""Exposure: how much better the teacher predicts a token than a model that met each text once.

An estimate of counterfactual memorization (Zhang et al., arXiv 2112.12938).
"""

import numpy as np

from core.errors import UserError
from forgetting.memory_map.scorer import Evidence, GapScorer, score_of_gap


class DeduplicatedReference(GapScorer):
    """Scores the gap in log-likelihood between teacher and reference; `gap` nats score one half.

    Cost: none beyond the reference's own pass over the corpus, and its training.
    """

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class; raises UserError when the map has no reference."""
        if evidence.reference_logprob_M is None:
            raise UserError("exposure needs a reference: choose memory_map.reference=ARM")
        return score_of_gap(evidence.teacher_logprob_M - evidence.reference_logprob_M, self.gap)
