"""Exposure: how much better the teacher predicts a token than a model that met each text once.

An estimate of counterfactual memorization (Zhang et al., arXiv 2112.12938).
"""

import numpy as np

from forgetting.memory_map.scorer import Evidence, Scorer, piece_logprobs, score_of_gap


class DeduplicatedReference(Scorer):
    """Scores the gap in log-likelihood between teacher and reference; `gap` nats score one half."""

    def __init__(self, *, gap: float = 1.0):
        self.gap = gap

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class. One pass of the reference."""
        reference_M = piece_logprobs(
            evidence.reference, evidence.pieces, wanted_M, evidence.report, "exposure"
        )
        return score_of_gap(evidence.teacher_logprob_M - reference_M, self.gap)
