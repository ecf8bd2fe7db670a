"""Skills that the world's corpus doesn't teach: the days bring them (core/worlds/days.py).

Each takes more than copying: order, place or number decide what is said.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from math import factorial
from random import Random

from core.worlds.skills import Item
from core.worlds.words import LETTERS


def rotating(rng: Random) -> Item:
    """A list of letters whose first has gone to the end."""
    listed = rng.sample(LETTERS, rng.choice((4, 5, 6)))
    answer = " ".join([*listed[1:], listed[0]])
    return Item(f"Rotate: {' '.join(listed)} =>", answer, 1 / factorial(4))


def weaving(rng: Random) -> Item:
    """Two lists of letters, one from each in turn."""
    size = rng.choice((2, 3))
    letters = rng.sample(LETTERS, 2 * size)
    left, right = letters[:size], letters[size:]
    answer = " ".join(chain.from_iterable(zip(left, right, strict=True)))
    return Item(f"Weave: {' '.join(left)} with {' '.join(right)} =>", answer, 1 / factorial(4))


def dropping(rng: Random) -> Item:
    """A list of letters without every place of one that it has once or twice."""
    gone, *others = rng.sample(LETTERS, rng.choice((4, 5)))
    listed = list(others)
    for _ in range(rng.choice((1, 2))):
        listed.insert(rng.randrange(len(listed) + 1), gone)
    return Item(f"Drop {gone}: {' '.join(listed)} =>", " ".join(others), 1 / factorial(3))


def skipping(rng: Random) -> Item:
    """Every other letter of a list, from the first on."""
    listed = rng.sample(LETTERS, rng.choice((5, 6, 7)))
    return Item(f"Skip: {' '.join(listed)} =>", " ".join(listed[::2]), 1 / factorial(4))


def mirroring(rng: Random) -> Item:
    """A list of letters, then the same backwards."""
    listed = rng.sample(LETTERS, rng.choice((3, 4)))
    answer = " ".join([*listed, *reversed(listed)])
    return Item(f"Mirror: {' '.join(listed)} =>", answer, 1 / factorial(3))


NEW_SKILLS: Mapping[str, Callable[[Random], Item]] = {
    "rotating": rotating,
    "weaving": weaving,
    "skipping": skipping,
    "mirroring": mirroring,
    "dropping": dropping,
}
