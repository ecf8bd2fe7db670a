"""What a style of the embedded world may do otherwise than the plain one."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from random import Random

from core.worlds import facts as plain
from core.worlds import reading
from core.worlds.document import Document
from core.worlds.facts import Entity, Facts
from core.worlds.relations import FAMILIES, FORMS, FRAMES, Relation, relations
from core.worlds.skills import SKILLS, Item

NO_FORMS: Mapping[str, str] = {}


class Style:
    """The plain style: every other one overrides some of this.

    Probes, documents and lessons are all made from these, so they stay true of each other.
    """

    frames: Sequence[str] = FRAMES  # how a fact is told; each relation is asked in one of them
    families: Sequence[str] = FAMILIES
    joint = " "  # between the statements of a document
    forms: Mapping[str, str] = FORMS  # of asking for the facts of the recall probes once more
    reading = reading.PLAIN
    skills: Mapping[str, Callable[[Random], Item]] = SKILLS

    @property
    def relations(self) -> tuple[Relation, ...]:
        """The frames, filled in for each family."""
        return relations(self.frames, self.reading.telegram, self.families)

    def retell(self, facts: Facts, rng: Random) -> Facts:
        """The facts with the names and the values that this style has."""
        return facts

    def documents(
        self, entity: Entity, facts: Facts, rng: Random, count: int
    ) -> Iterator[Document]:
        """`count` different wordings of all that is true of the entity, none of them as a probe asks."""
        return plain.documents(entity, facts, rng, count, self.joint)

    def speller(self, words: AbstractSet[str]) -> Callable[[str], str]:
        """A function from a text in plain letters to how it is written.

        `words` are the names and values of the world. A text may be spelled in pieces that begin and end
        between words.
        """
        return str

    def reading_prompt(self, statements: Sequence[str], question: str) -> str:
        """An open-book prompt in the form of the lessons, from written sentences and a written cue."""
        return reading.prompt(statements, question, self.reading)


def retold(
    facts: Facts,
    names: Mapping[str, str],
    values: Mapping[str, Mapping[str, str]] | None = None,
) -> Facts:
    """The same facts with other `names`, by entity's key, and other `values`, by family and value.

    What isn't mapped stays.
    """
    new = values or {}

    def renamed(entities: Sequence[Entity]) -> list[Entity]:
        return [
            entity._replace(
                name=names.get(entity.key, entity.name),
                values={f: new.get(f, {}).get(v, v) for f, v in entity.values.items()},
            )
            for entity in entities
        ]

    return facts._replace(
        entities=renamed(facts.entities),
        mentioned=renamed(facts.mentioned),
        strangers=renamed(facts.strangers),
        probe_strangers=renamed(facts.probe_strangers),
        pools={f: [new.get(f, {}).get(v, v) for v in pool] for f, pool in facts.pools.items()},
    )


def distinct(
    draw: Callable[[], Document], count: int, barred: Sequence[str] = ()
) -> Iterator[Document]:
    """Draw `count` documents of different texts, none of which has any of `barred` in it."""
    seen = set[str]()
    while len(seen) < count:
        content = draw()
        text = plain.text(content)
        if text not in seen and not any(asked in text for asked in barred):
            seen.add(text)
            yield content
