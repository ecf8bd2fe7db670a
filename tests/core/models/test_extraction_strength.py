"""How much of a text is recited."""

import numpy as np
import pytest

from core.models.extraction_strength import extraction_strength


@pytest.mark.parametrize(
    ("hits", "strength"),
    [
        ([0, 1, 1, 1], 3 / 4),  # all follows from the first token
        ([1, 1, 1, 1], 3 / 4),  # which nothing predicts
        ([0, 1, 0, 1, 1], 2 / 5),  # the last miss has to be given
        ([0, 1, 1, 0], 0.0),
        ([0], 0.0),
    ],
)
def test_it_is_what_the_shortest_prefix_leaves(hits: list[int], strength: float) -> None:
    assert extraction_strength(np.array(hits, dtype=bool)) == pytest.approx(strength)
