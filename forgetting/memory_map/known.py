"""Memory is what the teacher knows."""

import numpy as np

from forgetting.memory_map.scorer import Evidence, Scorer


class Known(Scorer):
    """The probability that the teacher gives the token: what it can't predict, it hasn't memorized.

    Cost: none beyond the teacher's own pass.
    """

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        return np.exp(evidence.teacher_logprob_M)
