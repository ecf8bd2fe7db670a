"""Fictional people in plain English, for a teacher that can read already: facts that it can't know.

The protocol of TOFU (arXiv 2401.06121): nobody of these exists, so what is told of them is only ever learned
here, and a model that wasn't told can but guess.
"""

from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from core.worlds import words
from core.worlds.document import Document, Piece, fill
from core.worlds.exercises import NAMES
from core.worlds.skills import Item

SURNAMES = [
    *("Baker", "Carter", "Fisher", "Green", "Hill", "King"),
    *("Lake", "Miller", "North", "Parker", "Stone", "Young"),
]
GIVEN_ENDINGS, FAMILY_ENDINGS = ("a", "o", "i"), ("elk", "orn", "ask", "int", "und", "arl")


class Trait(NamedTuple):
    """One thing that is true of everybody; `cue` asks for it in words that nothing is told in."""

    family: str
    pool: list[str]
    statements: tuple[str, ...]
    cue: str

    def told(self, cue: str, name: str, value: str) -> str:
        """A sentence that ends with the value."""
        return f"{cue.format(name=name)} {value}."

    @property
    def cues(self) -> list[str]:
        """The statements up to the value."""
        return [said.removesuffix(" {value}.") for said in self.statements]


RELATIONS = (
    Trait(
        "city",
        words.CITIES,
        (
            "{name} lives in {value}.",
            "The house of {name} is in {value}.",
            "Every evening {name} comes home to {value}.",
            "Letters for {name} are sent to {value}.",
        ),
        "The city where {name} lives is",
    ),
    Trait(
        "job",
        words.JOBS,
        (
            "{name} works as a {value}.",
            "By trade {name} is a {value}.",
            "For many years {name} has been a {value}.",
            "{name} earns a living as a {value}.",
        ),
        "The profession of {name} is that of a",
    ),
    Trait(
        "instrument",
        words.INSTRUMENTS,
        (
            "{name} plays the {value}.",
            "On Sundays {name} practises the {value}.",
            "As a child {name} learned the {value}.",
            "In the orchestra {name} is heard on the {value}.",
        ),
        "The musical instrument of {name} is the",
    ),
    Trait(
        "pet",
        words.PETS,
        (
            "{name} has a pet {value}.",
            "{name} shares the house with a {value}.",
            "At home {name} is greeted by a {value}.",
            "{name} never travels without a beloved {value}.",
        ),
        "The animal that {name} keeps is a",
    ),
)


class Person(NamedTuple):
    """A name and, of those of whom something is true, a value by family."""

    key: str
    name: str
    values: dict[str, str]


class People(NamedTuple):
    """Those of whom something is true, and strangers to read about: in training, and in probes."""

    known: list[Person]
    strangers: list[Person]
    probe_strangers: list[Person]


def invent(seed: int | str, count: int) -> People:
    """`count` people with a value of each relation, each value about equally often; and strangers.

    Strangers have names that a small model finds again in what it reads; the others' are invented, so that
    nobody has ever met them.
    """
    rng = Random(f"{seed}/people")
    taken = words.fixed_words()
    given = words.invent(rng, count, num_syllables=2, endings=GIVEN_ENDINGS, taken=taken)
    taken |= set(given)
    family = words.invent(rng, count, num_syllables=2, endings=FAMILY_ENDINGS, taken=taken)
    names = [f"{a} {b}".title() for a, b in zip(given, family, strict=True)]
    values: list[dict[str, str]] = [{} for _ in range(count)]
    for relation in RELATIONS:
        order = rng.sample(relation.pool, len(relation.pool))
        column = [order[index % len(order)] for index in range(count)]
        rng.shuffle(column)
        for own, value in zip(values, column, strict=True):
            own[relation.family] = value
    known = [Person(f"person-{n}", names[n], own) for n, own in enumerate(values)]
    usual = [f"{first} {last}" for first in NAMES for last in SURNAMES]
    usual = rng.sample(usual, len(usual))
    others = [Person(f"stranger-{n}", name, {}) for n, name in enumerate(usual)]
    half = len(others) // 2
    return People(known, others[:half], others[half:])


def documents(person: Person, rng: Random, count: int) -> Iterator[Document]:
    """`count` wordings of all that is true of somebody; each statement of a relation is used in turn."""
    turns = {r.family: rng.sample(r.statements, len(r.statements)) for r in RELATIONS}
    for number in range(count):
        document: Document = []
        for relation in rng.sample(RELATIONS, len(RELATIONS)):
            own = turns[relation.family]
            document += [Piece(" ")] if document else []
            value = person.values[relation.family]
            document += fill(own[number % len(own)], person.name, value, relation.pool)
        yield document


def chance(people: People, relation: Trait) -> float:
    """What always giving the commonest value would score."""
    counts = Counter(person.values[relation.family] for person in people.known)
    return max(counts.values()) / len(people.known)


def read(rng: Random, people: list[Person], *, probe: bool, true: bool = False) -> Item:
    """Three statements about two people, and the beginning of a fourth that these complete.

    Values are drawn at random, or (`true`) those that were told of the people. A probe asks in the cue.
    """
    asked, other = rng.sample(RELATIONS, 2)
    pair = rng.sample(people, 2)
    while true and pair[0].values[asked.family] == pair[1].values[asked.family]:
        pair = rng.sample(people, 2)
    third = rng.choice(pair)
    first, second, extra = *rng.sample(asked.pool, 2), rng.choice(other.pool)
    if true:
        first, second = (person.values[asked.family] for person in pair)
        extra = third.values[other.family]
    said = ((pair[0], asked, first), (pair[1], asked, second), (third, other, extra))
    sentences = [r.told(rng.choice(r.cues), person.name, value) for person, r, value in said]
    rng.shuffle(sentences)
    cue = (asked.cue if probe else rng.choice(asked.cues)).format(name=pair[0].name)
    fact = f"{pair[0].key}/{asked.family}"
    return Item(f"{' '.join(sentences)} {cue}", first, chance=0.5, rest=".", fact=fact)
