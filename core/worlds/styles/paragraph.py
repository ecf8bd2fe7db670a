"""A paragraph for each subject: named once, then told of by a pronoun."""

from collections.abc import Iterator
from itertools import count as counted
from random import Random

from core.worlds.document import Document, Piece, fill
from core.worlds.facts import Entity, Facts, may_open
from core.worlds.styles.style import Style, distinct

PRONOUNS = {"person": ("she", "her"), "country": ("it", "its"), "element": ("it", "its")}
# How what follows the first fact is told.
FOLLOWING = (
    "{Its} {attribute} is {value}.",
    "And {its} {attribute} is {value}.",
    "The {attribute} {it} has is {value}.",
    "As for the {attribute}, {it} has {value}.",
    "Everyone says {its} {attribute} is {value}.",
    "The word {value} is {its} {attribute}.",
)


class Paragraph(Style):
    """All that is true of a subject, in any order; each fact opens some of the paragraphs."""

    def documents(
        self, entity: Entity, facts: Facts, rng: Random, count: int
    ) -> Iterator[Document]:
        """Paragraphs that begin with each fact in turn."""
        it, its = PRONOUNS[entity.kind]
        order = rng.sample(facts.relations_of(entity.kind), len(facts.relations_of(entity.kind)))
        numbers = counted()

        def draw() -> Document:
            opening = order[next(numbers) % len(order)]
            rest = [relation for relation in order if relation != opening]
            content: Document = []
            for relation in [opening, *rng.sample(rest, len(rest))]:
                value, pool = entity.values[relation.family], facts.pools[relation.family]
                if content:
                    words = {"it": it, "its": its, "Its": its.capitalize()}
                    words |= {"attribute": relation.attribute, "value": "{value}"}
                    statement = rng.choice(FOLLOWING).format(**words)
                else:
                    statement = rng.choice([s for s in relation.statements if may_open(s)])
                content += [Piece(" ")] if content else []
                content += fill(statement, entity.name, value, pool)
            return content

        yield from distinct(draw, count)


STYLE = Paragraph()
