"""Several signs at once: a token is memory where all of them say so."""

from collections.abc import Mapping

import numpy as np

from core.memory_map import THRESHOLD
from forgetting.memory_map.scorer import Evidence, Scorer


class Agreement(Scorer):
    """The least of the scores. A later scorer is asked only about tokens that the earlier ones flag."""

    def __init__(self, *, scorers: Mapping[str, Scorer]):
        self.scorers = dict(scorers)

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        least_M = np.where(wanted_M, 1.0, 0.0)
        for scorer in self.scorers.values():
            left_M = least_M >= THRESHOLD
            if left_M.any():
                least_M = np.where(
                    left_M, np.minimum(least_M, scorer.score(evidence, left_M)), least_M
                )
        return least_M
