"""How the scores of a map are spread."""

from collections.abc import Iterator

import numpy as np
from rich.text import Text

from core.signal.memory_map import THRESHOLD

NUM_BINS = 10
WIDTH = 40  # characters of the longest bar


def bin_of(scores: np.ndarray) -> np.ndarray:
    """The number of the bin that each score in [0, 1] falls into; 1 is in the last."""
    return np.clip(np.asarray(scores, dtype=np.float32) * NUM_BINS, 0, NUM_BINS - 1).astype(int)


def counts(scores: np.ndarray) -> np.ndarray:
    """How many of the scores are in each of `NUM_BINS` bins of equal width."""
    return np.bincount(bin_of(scores), minlength=NUM_BINS)


def shares(scores: np.ndarray) -> np.ndarray:
    """The share of the scores in each bin; zeros when there are none."""
    return counts(scores) / max(len(scores), 1)


def bars(found: np.ndarray) -> Iterator[Text]:
    """One line a bin and its share; the bins from the threshold on are bold."""
    for number, share in enumerate(found):
        low, high = number / NUM_BINS, (number + 1) / NUM_BINS
        # What is there at all is seen.
        bar = "█" * max(round(WIDTH * share / found.max()), 1) if share else ""
        style = "bold" if low >= THRESHOLD else ""
        yield Text(f"  {low:.1f}–{high:.1f}  {share:>6.1%}  {bar}", style)
