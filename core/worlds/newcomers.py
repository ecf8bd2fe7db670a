"""People that a core hasn't met: a day tells facts of some, and the others are asked about as a control."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Any, NamedTuple, Protocol

from core.worlds import people, world_probes
from core.worlds.document import Document
from core.worlds.english_probes import recall
from core.worlds.facts import Entity, Facts
from core.worlds.people import People, Person
from core.worlds.styles.style import Style

NUM_TOLD = 20  # people that a day tells of; as many others are left out
NUM_WORDINGS = 3  # documents of each of them
NUM_PEOPLE = 2 * NUM_TOLD  # of a day


class Newcomers(Protocol):
    """Those of one day, each with a `key`, a `name` and values by family."""

    @property
    def told(self) -> Sequence[Entity | Person]:
        """The people that the day tells of."""

    @property
    def untold(self) -> Sequence[Entity | Person]:
        """As many others with facts of their own, of whom nothing is said."""

    def documents(self, rng: Random) -> Iterator[tuple[str, Document]]:
        """`NUM_WORDINGS` of each of the told, with the person's key."""

    def probes(self, *, told: bool) -> list[dict[str, Any]]:
        """The facts of those that the day tells of, or of the others: each in the held-out wording."""


class OfTheWorld(NamedTuple):
    """People of the embedded world."""

    facts: Facts
    style: Style
    told: Sequence[Entity]
    untold: Sequence[Entity]

    @classmethod
    def settle(
        cls, facts: Facts, style: Style, names: Sequence[Entity], rng: Random
    ) -> "OfTheWorld":
        """Give each of them a value of every relation that people have."""
        pools = {f: pool for f, pool in facts.pools.items() if f.startswith("person/")}
        settled = [
            person._replace(values={f: rng.choice(pool) for f, pool in pools.items()})
            for person in names
        ]
        return cls(facts, style, settled[:NUM_TOLD], settled[NUM_TOLD:])

    def documents(self, rng: Random) -> Iterator[tuple[str, Document]]:
        """See `Newcomers`."""
        for person in self.told:
            for content in self.style.documents(person, self.facts, rng, NUM_WORDINGS):
                yield person.key, content

    def probes(self, *, told: bool) -> list[dict[str, Any]]:
        """See `Newcomers`."""
        return world_probes.recall(
            self.facts._replace(entities=list(self.told if told else self.untold))
        )


class InEnglish(NamedTuple):
    """People of whom plain English tells."""

    told: Sequence[Person]
    untold: Sequence[Person]

    @classmethod
    def settle(cls, seed: str) -> "InEnglish":
        """Invent them; over both sides each value of a relation is true about equally often."""
        known = people.invent(seed, NUM_PEOPLE).known
        return cls(known[:NUM_TOLD], known[NUM_TOLD:])

    def documents(self, rng: Random) -> Iterator[tuple[str, Document]]:
        """See `Newcomers`."""
        for person in self.told:
            for content in people.documents(person, rng, NUM_WORDINGS):
                yield person.key, content

    def probes(self, *, told: bool) -> list[dict[str, Any]]:
        """See `Newcomers`."""
        return list(recall(People(list(self.told if told else self.untold), [], [])))
