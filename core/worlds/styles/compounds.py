"""Things are called by two common words, such as "the wooden bridge": no name is rare or has a capital.

What is true of them is a city, a trade, a small thing or a year.
"""

from collections.abc import Callable
from functools import partial
from random import Random

from core.worlds import skills, words
from core.worlds.facts import Entity, Facts
from core.worlds.relations import FAMILIES, relations
from core.worlds.styles.style import Style, retold

# In place of the plain families, in their order.
NEW = {
    "person/job": "person/maker",
    "person/instrument": "person/part",
    "person/pet": "person/year",
    "country/region": "country/region",
    "element/number": "element/year",
}
FIRST_YEAR = 1800
FIRST_NAMES = (
    *("anna", "ben", "carl", "dora", "emil", "fred", "gina", "hugo", "ida", "jack", "kurt", "lena"),
    *("max", "nora", "olga", "paul", "rosa", "sven", "tina", "udo", "vera", "willy", "xenia"),
    *("york", "zoe", "marie"),
)
WITH_NAMES: dict[str, Callable[[Random], skills.Item]] = {
    **skills.SKILLS,
    "ordering": partial(skills.ordering, names=FIRST_NAMES),
}


class Compounds(Style):
    """Named by two words that other texts of the corpus use too."""

    skills = WITH_NAMES

    def retell(self, facts: Facts, rng: Random) -> Facts:
        """People become things of an adjective and a noun, countries and elements of two nouns."""
        described = [f"the {first} {last}" for first in words.ADJECTIVES for last in words.NOUNS]
        joined = [f"the {a} {b}" for a in words.NOUNS for b in words.NOUNS if a != b]
        names = {}
        for listed in (described, joined):
            rng.shuffle(listed)
        of_people, of_others = iter(described), iter(joined)
        for entity in facts.everyone():
            names[entity.key] = next(of_people if entity.kind == "person" else of_others)
        parts = words.OBJECTS + words.NOUNS
        values = {
            "person/instrument": dict(zip(words.INSTRUMENTS, parts, strict=False)),
            "person/pet": {pet: str(FIRST_YEAR + 4 * n) for n, pet in enumerate(words.PETS)},
            "element/number": {str(n): str(FIRST_YEAR + n) for n in range(1, 100)},
        }
        told = retold(facts, names, values)

        def renewed(entities: list[Entity]) -> list[Entity]:
            return [
                entity._replace(values={NEW.get(f, f): v for f, v in entity.values.items()})
                for entity in entities
            ]

        return told._replace(
            entities=renewed(told.entities),
            mentioned=renewed(told.mentioned),
            pools={NEW.get(family, family): pool for family, pool in told.pools.items()},
            relations=relations(families=[NEW.get(family, family) for family in FAMILIES]),
        )


STYLE = Compounds()
