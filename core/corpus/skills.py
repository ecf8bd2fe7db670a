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


def ordering(rng: Random, names: Sequence[str]) -> Item:
    """Who is at the top or the bottom of a chain of comparisons."""
    ranked = rng.sample(names, rng.choice((3, 4)))
    comparative, most, least = rng.choice(COMPARISONS)
    premises = [f"{high} is {comparative} than {low}." for high, low in pairwise(ranked)]
    rng.shuffle(premises)
    asked, answer = rng.choice(((most, ranked[0]), (least, ranked[-1])))
    return Item(f"Premises: {' '.join(premises)} Who is {asked}?", answer, 1 / len(ranked))


def boolean(rng: Random, names: Sequence[str]) -> Item:
    """The value of a parenthesised expression with four leaves; both values are as frequent."""
    wanted = rng.choice((True, False))
    while True:
        expression, value = _expression(rng, 4)
        if value == wanted:
            return Item(f"Evaluate: {expression} =>", str(value).lower(), 0.5)


def _expression(rng: Random, num_leaves: int) -> tuple[str, bool]:
    if num_leaves == 1:
        value = rng.choice((True, False))
        text = str(value).lower()
    else:
        num_left = rng.randint(1, num_leaves - 1)
        left, left_value = _expression(rng, num_left)
        right, right_value = _expression(rng, num_leaves - num_left)
        operator = rng.choice(("and", "or"))
        both, either = left_value and right_value, left_value or right_value
        text, value = f"( {left} {operator} {right} )", both if operator == "and" else either
    return (f"not {text}", not value) if rng.random() < 0.3 else (text, value)


def sorting(rng: Random, names: Sequence[str]) -> Item:
    """Letters in alphabetical order."""
    letters = rng.sample(LETTERS, rng.choice((4, 5)))
    answer = " ".join(sorted(letters))
    return Item(f"Sort: {' '.join(letters)} =>", answer, 1 / factorial(len(letters)))


def reversing(rng: Random, names: Sequence[str]) -> Item:
    """Words in reverse order."""
    listed = rng.sample(OBJECTS, rng.choice((4, 5)))
    answer = " ".join(reversed(listed))
    return Item(f"Reverse: {' '.join(listed)} =>", answer, 1 / factorial(len(listed)))


def lookup(rng: Random, names: Sequence[str]) -> Item:
    """The entry of one row of a table."""
    rows = rng.sample(names, rng.choice((4, 5)))
    entries = rng.sample(DIGITS, len(rows))
    table = "; ".join(f"{row} {entry}" for row, entry in zip(rows, entries, strict=True))
    asked = rng.randrange(len(rows))
    return Item(f"Table: {table}. Row {rows[asked]}:", entries[asked], 1 / len(rows))


def arithmetic(rng: Random, names: Sequence[str]) -> Item:
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


def tracking(rng: Random, names: Sequence[str]) -> Item:
    """Who has a thing after it changed hands."""
    people, things = rng.sample(names, 3), rng.sample(OBJECTS, 2)
    holder = dict(zip(things, people, strict=False))
    story = [f"{person} has the {thing}." for thing, person in holder.items()]
    for _ in range(rng.choice((2, 3))):
        thing = rng.choice(things)
        receiver = rng.choice([person for person in people if person != holder[thing]])
        story.append(f"{holder[thing]} gives the {thing} to {receiver}.")
        holder[thing] = receiver
    asked = rng.choice(things)
    num_named = sum(any(person in sentence for sentence in story) for person in people)
    prompt = f"Story: {' '.join(story)} Who has the {asked}?"
    return Item(prompt, holder[asked], 1 / num_named)


SKILLS: dict[str, Callable[[Random, Sequence[str]], Item]] = {
    "ordering": ordering,
    "boolean": boolean,
    "sorting": sorting,
    "reversing": reversing,
    "lookup": lookup,
    "arithmetic": arithmetic,
    "tracking": tracking,
}
# Each of these keeps names of its own for the probes, which the others teach.
NAMED_SKILLS = ("ordering", "lookup", "tracking")
NUM_PROBE_NAMES = 8
ARITHMETIC_CHANCE = 0.0015  # the commonest answer's share: "0 0 0"


def names_for(family: str, given_names: Sequence[str], *, probe: bool) -> list[str]:
    """The given names of a family's items; those of its probes never occur in its training."""
    start = NUM_PROBE_NAMES * NAMED_SKILLS.index(family) if family in NAMED_SKILLS else 0
    held_back = given_names[start : start + NUM_PROBE_NAMES]
    return list(held_back) if probe else [name for name in given_names if name not in held_back]
