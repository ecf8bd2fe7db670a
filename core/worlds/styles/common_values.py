"""Values are common nouns, numbers, or phrases of two or three words: none is rare or has a capital."""

import re
from random import Random

from core.worlds import words
from core.worlds.facts import Facts
from core.worlds.styles.style import Style, retold

SINGULAR = words.NOUNS + words.OBJECTS + words.INSTRUMENTS + words.PETS
FIRST_NUMBER = 11  # of the values of an attribute that becomes a number


def _telegram_of(statement: str) -> str:
    """As the plain one, for values of several words."""
    return re.sub(r" is (.+)$", r" \1", statement)


class CommonValues(Style):
    """The plain style, with other values for the same attributes."""

    reading = Style.reading._replace(telegram_of=_telegram_of)

    def retell(self, facts: Facts, rng: Random) -> Facts:
        """Each value becomes another one, a phrase or a noun or a number by its attribute."""
        values = {}
        for family, pool in facts.pools.items():
            listed = _common(family, len(pool), rng)
            values[family] = dict(zip(pool, listed, strict=True))
        return retold(facts, {}, values)


def _common(family: str, count: int, rng: Random) -> list[str]:
    if family == "element/number":
        return list(map(str, range(FIRST_NUMBER, FIRST_NUMBER + count)))
    if family == "person/instrument":
        return list(map(str, range(10 * FIRST_NUMBER, 10 * FIRST_NUMBER + count)))
    if family in ("person/city", "country/capital"):
        pairs = [f"{adjective} {noun}" for adjective in words.ADJECTIVES for noun in words.NOUNS]
        return rng.sample(pairs, count)
    if family in ("country/region", "element/symbol"):
        first, second = rng.sample(SINGULAR, count), rng.sample(SINGULAR, count)
        places = rng.choices(words.PREPOSITIONS, k=count)
        return [f"{a} {where} {b}" for a, where, b in zip(first, places, second, strict=True)]
    return rng.sample(SINGULAR, count)


STYLE = CommonValues()
