"""Arithmetic and logic in plain English: short items from spaces too large to learn by heart.

Most prompts show a few solved ones first, so that a pretrained model knows what is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from core.corpus.rows import Row
from core.worlds.skills import Item
from core.worlds.words import OBJECTS, invent

NUM_SHOWN = 3
LARGEST = 20  # operand
NAMES = [
    *("Anna", "Ben", "Carla", "David", "Emma", "Frank", "Grace", "Henry"),
    *("Irene", "Jack", "Laura", "Mark", "Nora", "Peter", "Rose", "Simon"),
]
ADJECTIVES = [
    *("red", "blue", "green", "yellow", "cold", "warm", "quiet", "loud"),
    *("happy", "sad", "tall", "short", "heavy", "light", "wet", "dry"),
]
PLACES = [
    *("kitchen", "garden", "hall", "cellar", "bathroom"),
    *("bedroom", "office", "attic", "garage", "library"),
]


def addition(rng: Random) -> Item:
    """A sum after some solved sums."""
    return _sum(rng, lambda a, b: f"{a} + {b} = {a + b}", lambda a, b: a + b)


def subtraction(rng: Random) -> Item:
    """A difference, not negative, after some solved ones."""
    return _sum(rng, lambda a, b: f"{a + b} - {a} = {b}", lambda a, b: b)


def _sum(rng: Random, say: Callable[[int, int], str], answer: Callable[[int, int], int]) -> Item:
    asked, *shown = [
        (rng.randint(1, LARGEST), rng.randint(1, LARGEST)) for _ in range(1 + NUM_SHOWN)
    ]
    question = say(*asked).rpartition(" ")[0]
    lines = [say(*pair) for pair in shown]
    return Item("\n".join([*lines, question]), str(answer(*asked)), chance=0.0)


def deduction(rng: Random) -> Item:
    """What follows of somebody from what is so of all of their kind, after some that are solved."""
    *solved, (prompt, answer) = [_theory(rng) for _ in range(1 + NUM_SHOWN)]
    lines = [f"{said} {told}." for said, told in solved]
    return Item("\n".join([*lines, prompt]), answer, chance=1 / len(ADJECTIVES), rest=".")


def _theory(rng: Random) -> tuple[str, str]:
    """A rule, to whom it applies and where somebody else is, in any order; and what follows."""
    (kind,) = invent(rng, 1, num_syllables=2, endings=("ax", "im", "un"), taken=set())
    adjective, (name, other) = rng.choice(ADJECTIVES), rng.sample(NAMES, 2)
    told = [f"Every {kind} is {adjective}.", f"{name} is a {kind}."]
    told.append(f"{other} is in the {rng.choice(PLACES)}.")
    rng.shuffle(told)
    return f"{' '.join(told)} So {name} is", adjective


def pattern(rng: Random) -> Item:
    """A row of words that recurs, to be continued by a word."""
    period = rng.sample(OBJECTS, rng.randint(2, 4))
    length = 3 * len(period) + rng.randrange(len(period))
    *row, last = [period[at % len(period)] for at in range(length)]
    return Item(" ".join(row), last, chance=1 / len(period))


ARITHMETIC = {"addition": addition, "subtraction": subtraction}
LOGIC = {"deduction": deduction, "pattern": pattern}


@dataclass(frozen=True, kw_only=True)
class Arithmetic:
    """Sums alone, as a text to measure on; other ones than those of a corpus of the same seed."""

    num_items: int = 400
    seed: int = 0

    def rows(self) -> Iterator[Row]:
        """Documents: every token counts."""
        rng = Random(f"{self.seed}/measured")
        for number in range(self.num_items):
            item = rng.choice(list(ARITHMETIC.values()))(rng)
            yield {"id": str(number), "text": f"{item.prompt} {item.completion}"}
