"""Disjoint sets that grow by joining (union-find), each with a weight."""

from collections.abc import Iterable, Sequence
from itertools import pairwise


class Components:
    """At first each of the units is a component of its own."""

    def __init__(self, weights: Sequence[int]):
        self.parent = list(range(len(weights)))
        self.weight = list(weights)  # of the component, at its root

    def root(self, unit: int) -> int:
        """The unit that stands for the component of `unit`."""
        while self.parent[unit] != unit:
            self.parent[unit] = self.parent[self.parent[unit]]
            unit = self.parent[unit]
        return unit

    def join(self, units: Iterable[int], most: float) -> None:
        """Join the components of `units`, the lightest first, as long as they weigh at most `most`."""
        roots = sorted({self.root(unit) for unit in units}, key=lambda root: self.weight[root])
        for root, other in pairwise(roots):
            if self.weight[root] + self.weight[other] > most:
                return
            self.parent[root] = other
            self.weight[other] += self.weight[root]
