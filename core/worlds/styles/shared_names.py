"""The same names name people, countries and elements: only the attribute tells which is meant."""

from random import Random

from core.worlds.facts import Entity, Facts
from core.worlds.styles.style import Style, retold


class SharedNames(Style):
    """Countries and elements bear the names of people, as long as there are so many."""

    def retell(self, facts: Facts, rng: Random) -> Facts:
        """The first country and the first element are called as the first person is, and so on."""
        return retold(facts, _shared(facts.entities) | _shared(facts.mentioned))


def _shared(entities: list[Entity]) -> dict[str, str]:
    people = [entity.name for entity in entities if entity.kind == "person"]
    names: dict[str, str] = {}
    for kind in ("country", "element"):
        others = [entity for entity in entities if entity.kind == kind]
        names |= {other.key: name for other, name in zip(others, people, strict=False)}
    return names


STYLE = SharedNames()
