"""Rules in plain English that no pretrained core has met: a format to follow, and a small notation."""

from collections.abc import Callable, Mapping
from random import Random

from core.worlds.exercises import NAMES, PLACES
from core.worlds.skills import Item
from core.worlds.words import NUMBER_WORDS, OBJECTS

IRREGULAR = ("box", "knife")  # their plurals
THINGS = [thing for thing in OBJECTS if thing not in IRREGULAR]
LEAST = 2  # the number of the first of NUMBER_WORDS
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
SENTENCES = (
    "On {day} {name} took {count} {things} to the {place}",
    "{name} found {count} {things} in the {place} on {day}",
    "In the {place} {name} counted {count} {things} on {day}",
)
SIGNS = {"is left of": "<", "is right of": ">", "is above": "^", "is below": "v"}


def record(rng: Random) -> Item:
    """What somebody did as an entry: place, number in digits, thing, the weekday's first three letters."""
    number = rng.randrange(len(NUMBER_WORDS))
    day, place, thing = rng.choice(WEEKDAYS), rng.choice(PLACES), rng.choice(THINGS)
    said = rng.choice(SENTENCES).format(
        day=day, name=rng.choice(NAMES), count=NUMBER_WORDS[number], things=f"{thing}s", place=place
    )
    answer = f"{place} | {number + LEAST} {thing} | {day[:3]}"
    return Item(f"Record: {said} =>", answer, 1 / (len(PLACES) * len(WEEKDAYS)))


def chart(rng: Random) -> Item:
    """How three or four things lie, with a sign for each relation."""
    things = rng.sample(OBJECTS, rng.choice((3, 4)))
    relations = [rng.choice(list(SIGNS)) for _ in things[1:]]
    pairs = zip(things, relations, things[1:], strict=False)
    said = " and ".join(f"the {a} {relation} the {b}" for a, relation, b in pairs)
    drawn = [f" {SIGNS[relation]} {b}" for relation, b in zip(relations, things[1:], strict=True)]
    return Item(f"Chart: {said} =>", things[0] + "".join(drawn), 1 / len(SIGNS) ** 2)


NEW_RULES: Mapping[str, Callable[[Random], Item]] = {"record": record, "chart": chart}
