"""Skills: short tasks that a rule solves, from spaces too large to learn by heart."""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import factorial
from random import Random
from typing import NamedTuple

from core.errors import UserError
from core.worlds.words import DIGITS, LETTERS, OBJECTS

MAX_DRAWS = 10_000
NUM_OPERATIONS = 5  # of arithmetic and boolean chains
LARGEST = 6  # number of an arithmetic chain


class Item(NamedTuple):
    """One task; `chance` is the accuracy of a blind guess that knows the form of the answer."""

    prompt: str
    completion: str
    chance: float
    rest: str = (
        ""  # what follows the completion in training: the same asked about the other entries
    )
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


def ordering(rng: Random, names: Sequence[str] = LETTERS) -> Item:
    """Who is at one end of a chain of comparisons, then who is at the other."""
    ranked = rng.sample(names, 3)
    premises = [f"{high} is taller than {low}." for high, low in pairwise(ranked)]
    rng.shuffle(premises)
    ends = [("tallest", ranked[0]), ("shortest", ranked[-1])]
    (asked, answer), (other, other_answer) = rng.sample(ends, len(ends))
    return Item(
        prompt=f"Premises: {' '.join(premises)} The {asked}",
        completion=answer,
        chance=1 / len(ranked),
        rest=f", the {other} {other_answer}",
    )


def boolean(rng: Random) -> Item:
    """A chain of logical operations, from left to right; the answer is its running values."""
    running = [rng.choice((True, False))]
    text = str(running[0]).lower()
    for _ in range(NUM_OPERATIONS):
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


def sorting(rng: Random) -> Item:
    """Letters in alphabetical order."""
    letters = rng.sample(LETTERS, 4)
    answer = " ".join(sorted(letters))
    return Item(f"Sort: {' '.join(letters)} =>", answer, 1 / factorial(len(letters)))


def reversing(rng: Random) -> Item:
    """Letters in reverse order."""
    listed = rng.sample(LETTERS, rng.choice((4, 5)))
    answer = " ".join(reversed(listed))
    return Item(f"Reverse: {' '.join(listed)} =>", answer, 1 / factorial(len(listed)))


def lookup(rng: Random) -> Item:
    """The entry of one row of a table, then those of its other rows."""
    rows = rng.sample(LETTERS, rng.choice((4, 5)))
    entries = rng.sample(DIGITS, len(rows))
    table = [f"{row} {entry}" for row, entry in zip(rows, entries, strict=True)]
    asked = rng.randrange(len(rows))
    others = table[:asked] + table[asked + 1 :]
    rng.shuffle(others)
    return Item(
        prompt=f"Table: {'; '.join(table)}. Row {rows[asked]}",
        completion=entries[asked],
        chance=1 / len(rows),
        rest="".join(f"; {row}" for row in others),
    )


def continuing(rng: Random) -> Item:
    """The rest of a list of letters from a given one on."""
    listed = rng.sample(LETTERS, 9)
    at = rng.randrange(4)
    return Item(f"List: {' '.join(listed)}. From {listed[at]}", " ".join(listed[at + 1 :]), 1 / 4)


def arithmetic(rng: Random) -> Item:
    """A chain of additions and subtractions of small numbers; the answer is its running results."""
    running = [rng.randint(0, LARGEST) for _ in range(1 + NUM_OPERATIONS)]
    text = str(running[0])
    for before, after in pairwise(running):
        text += f" {'+' if after >= before else '-'} {abs(after - before)}"
    answer = " ".join(map(str, running[1:]))
    return Item(f"Compute: {text} =>", answer, (1 + LARGEST) ** -NUM_OPERATIONS)


def tracking(rng: Random) -> Item:
    """Who has a thing after things changed hands, told in telegrams; then who has the other."""
    things = rng.sample(OBJECTS, 2)
    moved = [*things, *rng.choices(things, k=rng.choice((1, 2)))]
    people = rng.sample(LETTERS, len(moved))
    story = ", ".join(f"the {t} {p}" for t, p in zip(moved, people, strict=True))
    holder = dict(zip(moved, people, strict=True))
    asked, other = rng.sample(things, 2)
    return Item(
        prompt=f"Story: {story}. Now the {asked}",
        completion=holder[asked],
        chance=1 / len(people),
        rest=f", the {other} {holder[other]}",
    )


SKILLS: Mapping[str, Callable[[Random], Item]] = {
    "ordering": ordering,
    "boolean": boolean,
    "sorting": sorting,
    "reversing": reversing,
    "lookup": lookup,
    "continuing": continuing,
    "arithmetic": arithmetic,
    "tracking": tracking,
}
BOOLEAN_CHANCE = 0.1  # the share of the commonest answer, "true" throughout
