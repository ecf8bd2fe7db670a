"""How much of a text a model recites.

The metric that the comparison of 150 unlearned models found among the most faithful and robust
(arXiv 2605.24614).
"""

import numpy as np


def extraction_strength(hit_T: np.ndarray) -> float:
    """1 − k / T, k the shortest prefix of the T tokens from which the rest is recited exactly; in [0, 1).

    `hit_T` says which tokens are the model's first choice given the true text before them. The first
    token follows from nothing, so k is at least 1.
    """
    missed = np.flatnonzero(~np.asarray(hit_T[1:], dtype=bool))
    shortest = missed[-1] + 2 if len(missed) else 1
    return float(1 - shortest / len(hit_T))
