"""Figures of how well scores tell right from wrong, with standard errors over problems."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, stdev

NUM_BINS = 10  # of probabilities, for calibration


@dataclass(frozen=True)
class Figure:
    """A mean over `n` problems with its standard error. The value is None where there is none to average."""

    value: float | None
    stderr: float | None
    n: int

    def row(self, name: str) -> dict[str, float | int | None]:
        """As fields of a record."""
        return {name: self.value, f"{name}_stderr": self.stderr, f"{name}_n": self.n}


def mean_of(values: Sequence[float]) -> Figure:
    """Average over problems."""
    if not values:
        return Figure(None, None, 0)
    error = stdev(values) / math.sqrt(len(values)) if len(values) > 1 else None
    return Figure(fmean(values), error, len(values))


def auroc(right: Sequence[float], wrong: Sequence[float]) -> float:
    """The share of pairs in which the right one has the higher score; equals count one half."""
    wins = sum((r > w) + 0.5 * (r == w) for r in right for w in wrong)
    return wins / (len(right) * len(wrong))


def within_problems(scores: Sequence[Sequence[tuple[float, bool]]]) -> Figure:
    """AUROC among the solutions of one problem, over the problems with right and wrong ones.

    Across problems it would tell how hard they are, not how a solution goes.
    """
    found = []
    for own in scores:
        right = [score for score, is_right in own if is_right]
        wrong = [score for score, is_right in own if not is_right]
        if right and wrong:
            found.append(auroc(right, wrong))
    return mean_of(found)


def concordance(scores: Sequence[float], truths: Sequence[float]) -> float | None:
    """The share of pairs with different truths that the scores put in the same order; equals count one half.

    None where all truths are alike.
    """
    pairs = [
        (scores[a] - scores[b]) * (1 if truths[a] > truths[b] else -1)
        for a in range(len(scores))
        for b in range(a)
        if truths[a] != truths[b]
    ]
    return sum((d > 0) + 0.5 * (d == 0) for d in pairs) / len(pairs) if pairs else None


def calibration_error(probabilities: Sequence[float], right: Sequence[bool]) -> float:
    """Expected calibration error: how far shares and probabilities lie apart, in bins of equal width."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(NUM_BINS)]
    for probability, outcome in zip(probabilities, right, strict=True):
        bins[min(int(probability * NUM_BINS), NUM_BINS - 1)].append((probability, outcome))
    total = len(probabilities)
    return sum(
        abs(fmean(p for p, _ in own) - fmean(o for _, o in own)) * len(own) / total
        for own in bins
        if own
    )
