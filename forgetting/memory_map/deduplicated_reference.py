"""Exposure: how much better the teacher predicts a token than a model that met each text once.

An estimate of counterfactual memorization (Zhang et al., arXiv 2112.12938).
"""

import numpy as np

from core.errors import UserError
from forgetting.memory_map.scorer import Evidence, GapScorer


class DeduplicatedReference(GapScorer):
    """Scores the gap in log-likelihood between teacher and reference; `gap` nats score one half.

    Cost: one pass of the reference over the texts concerned, and the reference's training.
    """

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class; raises UserError when the map has no reference."""
        if evidence.reference is None:
            raise UserError("exposure needs a reference: choose memory_map.reference=ARM")
        return self.score_against(evidence.reference, evidence, wanted_M, "exposure")
