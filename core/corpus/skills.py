"""Skills: short tasks that a rule solves, from spaces too large to learn by heart."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import factorial
from random import Random
from typing import NamedTuple

from core.corpus.words import COMPARISONS, DIGITS, LETTERS, OBJECTS
from core.errors import UserError

MAX_DRAWS = 10_000


class Item(NamedTuple):
    """One task; `chance` is the accuracy of a blind guess that knows the form of the answer."""

    prompt: str
    completion: str
    chance: float
    fact: str = ""  # what a reading item asks about


def draw_new(draw: Callable[[], Item], seen: set[str], family: str) -> Item:
    """Draw until the prompt is not in `seen`, and add it there.

    Raises:
        UserError: the family has no more different items.
    """
    for _ in range(MAX_DRAWS):
        item = draw()
        if item.prompt not in seen:
            seen.add(item.prompt)
            return item
    raise UserError(
        f"the world has no more different {family} items; "
        "lower corpus.num_skill_items or corpus.probes_per_family"
    )


def ordering(rng: Random, words: Sequence[str]) -> Item:
    """Who is at the top or the bottom of a chain of comparisons."""
    ranked = rng.sample(LETTERS, 3)
    comparative, most, least = rng.choice(COMPARISONS)
    premises = [f"{high} is {comparative} than {low}." for high, low in pairwise(ranked)]
    rng.shuffle(premises)
    asked, answer = rng.choice(((most, ranked[0]), (least, ranked[-1])))
    return Item(f"Premises: {' '.join(premises)} Who is {asked}?", answer, 1 / len(ranked))


def boolean(rng: Random, words: Sequence[str]) -> Item:
    """A chain of five logical operations, from left to right; the answer is its running values."""
    running = [rng.choice((True, False))]
    text = str(running[0]).lower()
    for _ in range(5):
        operator, operand = rng.choice(list(_LOGIC)), rng.choice((True, False))
        text += f" {operator} {str(operand).lower()}"
        running.append(_LOGIC[operator](running[-1], operand))
    answer = " ".join(str(value).lower() for value in running[1:])
    return Item(f"Evaluate: {text} =>", answer, BOOLEAN_CHANCE)


_LOGIC: dict[str, Callable[[bool, bool], bool]] = {
    "and": lambda left, right: left and right,
    "or": lambda left, right: left or right,
    "xor": lambda left, right: left != right,
    "nor": lambda left, right: not (left or right),
}


def sorting(rng: Random, words: Sequence[str]) -> Item:
    """Letters in alphabetical order."""
    letters = rng.sample(LETTERS, rng.choice((4, 5)))
    answer = " ".join(sorted(letters))
    return Item(f"Sort: {' '.join(letters)} =>", answer, 1 / factorial(len(letters)))


def reversing(rng: Random, words: Sequence[str]) -> Item:
    """Letters in reverse order."""
    listed = rng.sample(LETTERS, rng.choice((4, 5)))
    answer = " ".join(reversed(listed))
    return Item(f"Reverse: {' '.join(listed)} =>", answer, 1 / factorial(len(listed)))


def lookup(rng: Random, words: Sequence[str]) -> Item:
    """The entry of one row of a table."""
    rows = rng.sample(LETTERS, rng.choice((4, 5)))
    entries = rng.sample(DIGITS, len(rows))
    table = "; ".join(f"{row} {entry}" for row, entry in zip(rows, entries, strict=True))
    asked = rng.randrange(len(rows))
    return Item(f"Table: {table}. Row {rows[asked]}", entries[asked], 1 / len(rows))


def continuing(rng: Random, words: Sequence[str]) -> Item:
    """The rest of a list from a given letter or word on."""
    listed = rng.sample(rng.choice((LETTERS, words)), 9)
    at = rng.randrange(4)
    return Item(f"List: {' '.join(listed)}. From {listed[at]}", " ".join(listed[at + 1 :]), 1 / 4)


def repeating(rng: Random, words: Sequence[str]) -> Item:
    """A list of letters or words, said again."""
    listed = rng.sample(rng.choice((LETTERS, words)), rng.randint(5, 12))
    said = " ".join(listed)
    return Item(f"Repeat: {said} =>", said, 1 / factorial(len(listed)))


def arithmetic(rng: Random, words: Sequence[str]) -> Item:
    """A chain of three additions and subtractions; the answer is its running results."""
    while True:
        running = [rng.randint(0, 9)]
        text = str(running[0])
        for _ in range(3):
            operand, sign = rng.randint(0, 9), rng.choice("+-")
            text += f" {sign} {operand}"
            running.append(running[-1] + (operand if sign == "+" else -operand))
        if min(running) >= 0:
            answer = " ".join(map(str, running[1:]))
            return Item(f"Compute: {text} =>", answer, ARITHMETIC_CHANCE)


def tracking(rng: Random, words: Sequence[str]) -> Item:
    """Who has a thing after it changed hands, told in telegrams."""
    things = rng.sample(OBJECTS, 2)
    moved = [*things, *rng.choices(things, k=rng.choice((1, 2)))]
    people = rng.sample(LETTERS, len(moved))
    story = ", ".join(f"the {t} {p}" for t, p in zip(moved, people, strict=True))
    asked = rng.choice(things)
    holder = dict(zip(moved, people, strict=True))[asked]
    return Item(f"Story: {story}. Now the {asked}", holder, 1 / len(people))


SKILLS: dict[str, Callable[[Random, Sequence[str]], Item]] = {
    "ordering": ordering,
    "boolean": boolean,
    "sorting": sorting,
    "reversing": reversing,
    "lookup": lookup,
    "continuing": continuing,
    "repeating": repeating,
    "arithmetic": arithmetic,
    "tracking": tracking,
}
# The commonest answer's share: "0 0 0", and "true" throughout.
ARITHMETIC_CHANCE = 0.0015
BOOLEAN_CHANCE = 0.1
