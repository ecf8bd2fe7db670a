"""Skills that the world's corpus doesn't teach: the days bring them (core/worlds/days.py).

Each takes more than copying: order, place or number decide what is said.
"""

from collections.abc import Callable, Mapping
from itertools import chain
from math import factorial
from random import Random

from core.worlds.skills import Item
from core.worlds.words import DIGITS, LETTERS


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


def swapping(rng: Random) -> Item:
    """A list of letters in which two have changed places."""
    listed = rng.sample(LETTERS, rng.choice((4, 5)))
    one, other = rng.sample(listed, 2)
    turned = {one: other, other: one}
    answer = " ".join(turned.get(letter, letter) for letter in listed)
    return Item(f"Swap {one} {other}: {' '.join(listed)} =>", answer, 1 / factorial(4))


def decoding(rng: Random) -> Item:
    """A word in a code that is given: for each letter the one that it stands for."""
    plain, code = rng.sample(LETTERS, 4), rng.sample(LETTERS, 4)
    table = dict(zip(plain, code, strict=True))
    word = rng.choices(plain, k=4)
    told = ", ".join(f"{letter} {table[letter]}" for letter in plain)
    answer = " ".join(table[letter] for letter in word)
    return Item(f"Code: {told}. Read: {' '.join(word)} =>", answer, 4**-4)


def skipping(rng: Random) -> Item:
    """Every other letter of a list, from the first on."""
    listed = rng.sample(LETTERS, rng.choice((5, 6, 7)))
    return Item(f"Skip: {' '.join(listed)} =>", " ".join(listed[::2]), 1 / factorial(4))


def doubling(rng: Random) -> Item:
    """A list of letters with each of them said twice."""
    listed = rng.sample(LETTERS, rng.choice((3, 4)))
    answer = " ".join(letter for letter in listed for _ in range(2))
    return Item(f"Double: {' '.join(listed)} =>", answer, 1 / factorial(3))


def mirroring(rng: Random) -> Item:
    """A list of letters, then the same backwards."""
    listed = rng.sample(LETTERS, rng.choice((3, 4)))
    answer = " ".join([*listed, *reversed(listed)])
    return Item(f"Mirror: {' '.join(listed)} =>", answer, 1 / factorial(3))


def counting(rng: Random) -> Item:
    """How often a letter stands in a list."""
    asked, *others = rng.sample(LETTERS, 3)
    count = rng.randint(0, 4)
    listed = [asked] * count + rng.choices(others, k=6 - count)
    rng.shuffle(listed)
    return Item(f"Count {asked}: {' '.join(listed)} =>", str(count), 1 / 5)


def largest(rng: Random) -> Item:
    """Numbers with the largest first, then the smallest."""
    listed = rng.sample(DIGITS, 4)
    return Item(f"Extremes: {' '.join(listed)} =>", f"{max(listed)} {min(listed)}", 1 / 12)


def repeated(rng: Random) -> Item:
    """The letter that a list has twice, then the one behind its second place."""
    listed = rng.sample(LETTERS, 5)
    first = rng.randrange(3)
    at = rng.randrange(first + 1, 5)
    listed.insert(at, listed[first])
    return Item(f"Twice: {' '.join(listed)} =>", f"{listed[first]} {listed[at + 1]}", 1 / 25)


NEW_SKILLS: Mapping[str, Callable[[Random], Item]] = {
    "rotating": rotating,
    "weaving": weaving,
    "skipping": skipping,
    "mirroring": mirroring,
    "dropping": dropping,
}
