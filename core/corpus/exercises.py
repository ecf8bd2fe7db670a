"""Arithmetic and deduction in plain English: short items from spaces too large to learn by heart.

Prompts show a few solved ones first, so that a pretrained model knows what is asked.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

from core.corpus.rows import Row
from core.corpus.skills import Item
from core.corpus.words import invent

NUM_SHOWN = 3
NUM_MOVES = 3  # of a story
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
MOVED = ("went to", "moved to", "walked to", "ran to")


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
    """What follows of somebody from what is so of all of their kind."""
    return _after_solved(rng, _theory, chance=0.5)


def whereabouts(rng: Random) -> Item:
    """Where somebody is who has moved, as others have: the first of bAbI's tasks (arXiv 1502.05698)."""
    return _after_solved(rng, _story, chance=1 / NUM_MOVES)


def _after_solved(rng: Random, draw: Callable[[Random], tuple[str, str]], chance: float) -> Item:
    *solved, (prompt, answer) = [draw(rng) for _ in range(1 + NUM_SHOWN)]
    lines = [f"{said} {told}." for said, told in solved]
    return Item("\n".join([*lines, prompt]), answer, chance=chance, rest=".")


def _theory(rng: Random) -> tuple[str, str]:
    kinds = invent(rng, 2, num_syllables=2, endings=("ax", "im", "un"), taken=set())
    adjectives, name, asked = rng.sample(ADJECTIVES, 2), rng.choice(NAMES), rng.randrange(2)
    rules = [f"Every {a} is {b}." for a, b in zip(kinds, adjectives, strict=True)]
    return f"{' '.join(rules)} {name} is a {kinds[asked]}. So {name} is", adjectives[asked]


def _story(rng: Random) -> tuple[str, str]:
    names, places = rng.sample(NAMES, 2), rng.sample(PLACES, NUM_MOVES)
    movers = [*names, *(rng.choice(names) for _ in range(NUM_MOVES - len(names)))]
    rng.shuffle(movers)
    moves = [f"{who} {rng.choice(MOVED)} the {at}." for who, at in zip(movers, places, strict=True)]
    asked = rng.choice(names)
    last = dict(zip(movers, places, strict=True))[asked]
    return f"{' '.join(moves)} Now {asked} is in the", last


ARITHMETIC = {"addition": addition, "subtraction": subtraction}
LOGIC = {"deduction": deduction, "whereabouts": whereabouts}


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

    def files(self) -> list[Path]:
        """None."""
        return []
