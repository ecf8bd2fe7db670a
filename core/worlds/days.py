"""Days of the embedded world: what a core that was distilled from its corpus meets afterwards.

Each brings a family of skill that the corpus doesn't have, people with facts, notes that recur and chatter.
The sources of the rows are labels for evaluation alone. Nothing that is asked of a day stands in it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

from core.corpus.rows import Row
from core.worlds import document, skills, verbatim, words, world_probes
from core.worlds.facts import Entity, Facts
from core.worlds.new_skills import NEW_SKILLS
from core.worlds.styles.style import Style

MOST = len(NEW_SKILLS)
NUM_TOLD = (
    20  # people that a day tells of; as many others are left out, to be asked about as a control
)
NUM_WORDINGS = 3  # documents of each of them
NUM_ITEMS = 200  # of the new skill
NUM_NOTES, RECURS = 4, 5
NUM_CHATTER = 40
MORE = 10  # times as many items of the family as a day has, for training on labels
NUM_PEOPLE = 2 * NUM_TOLD  # of a day


@dataclass(frozen=True)
class Day:
    """One day, from 1: the same for the same world. `people` are new ones, whose names nothing else has."""

    number: int
    seed: int
    facts: Facts
    style: Style
    people: list[Entity]

    @property
    def family(self) -> str:
        """The skill that is new."""
        return list(NEW_SKILLS)[self.number - 1]

    @property
    def told(self) -> list[Entity]:
        """The people that the day tells of."""
        return self._settled[:NUM_TOLD]

    @property
    def untold(self) -> list[Entity]:
        """As many others with facts of their own, of whom nothing is said."""
        return self._settled[NUM_TOLD:]

    @property
    def _settled(self) -> list[Entity]:
        rng = self._rng("facts")
        pools = {f: pool for f, pool in self.facts.pools.items() if f.startswith("person/")}
        return [
            person._replace(values={f: rng.choice(pool) for f, pool in pools.items()})
            for person in self.people
        ]

    def rows(self) -> list[Row]:
        """What is met, in the order of the day."""
        listed = [
            *self._skill_rows(),
            *self._fact_rows(),
            *self._note_rows(),
            *self._chatter_rows(),
        ]
        rows = [{"id": f"day{self.number}-{row['id']}", **row_of(row)} for row in listed]
        self._rng("order").shuffle(rows)
        return rows

    def items(self, purpose: str, count: int) -> list[skills.Item]:
        """Items of the new skill, none of which the day has."""
        seen = {row["prompt"] for row in self._skill_rows()}
        draw = partial(NEW_SKILLS[self.family], self._rng(purpose))
        return [skills.draw_new(draw, seen, self.family) for _ in range(count)]

    def skill_probes(self, count: int) -> list[dict[str, Any]]:
        """Items that nothing has asked before."""
        items = self.items("probes", count)
        return [
            world_probes.task(f"new-{self.family}-{n}", "reasoning", self.family, item)
            for n, item in enumerate(items)
        ]

    def fact_probes(self, *, told: bool) -> list[dict[str, Any]]:
        """The facts of those that the day tells of, or of the others: each in the held-out wording."""
        return world_probes.recall(self.facts._replace(entities=self.told if told else self.untold))

    def documents_of_facts(self) -> Mapping[str, list[str]]:
        """Per fact of the told, the ids of the documents that tell it."""
        ids = {
            person.key: [f"day{self.number}-facts-{person.key}-{n}" for n in range(NUM_WORDINGS)]
            for person in self.told
        }
        return {
            probe["fact"]: ids[probe["fact"].split("/")[0]] for probe in self.fact_probes(told=True)
        }

    def note_probes(self) -> list[dict[str, Any]]:
        """The notes' openings, to be gone on from."""
        return world_probes.recited({"passage": self._notes})

    def _rng(self, purpose: str) -> Random:
        return Random(f"{self.seed}/day {self.number}/{purpose}")

    def _skill_rows(self) -> Iterator[Row]:
        rng, seen = self._rng("skill"), set[str]()
        for number in range(NUM_ITEMS):
            item = skills.draw_new(partial(NEW_SKILLS[self.family], rng), seen, self.family)
            yield {"id": f"skill-{number}", "prompt": item.prompt, "completion": item.completion}

    def _fact_rows(self) -> Iterator[Row]:
        rng = self._rng("wordings")
        for person in self.told:
            wordings = self.style.documents(person, self.facts, rng, NUM_WORDINGS)
            for number, content in enumerate(wordings):
                yield {"id": f"facts-{person.key}-{number}", "text": document.text(content)}

    @property
    def _notes(self) -> list[document.Document]:
        return verbatim.passages(self._rng("notes"), NUM_NOTES)

    def _note_rows(self) -> Iterator[Row]:
        for note, content in enumerate(self._notes):
            for number in range(RECURS):
                yield {"id": f"notes-{note}-{number}", "text": document.text(content)}

    def _chatter_rows(self) -> Iterator[Row]:
        rng = self._rng("chatter")
        for number in range(NUM_CHATTER):
            said = " ".join(
                rng.choice(pool)
                for pool in (
                    *(words.ADJECTIVES, words.NOUNS, words.VERBS, words.PREPOSITIONS),
                    *(words.ADJECTIVES, words.NOUNS),
                )
            )
            yield {"id": f"chatter-{number}", "text": f"Note that the {said}."}


def row_of(row: Row) -> Row:
    """A row without its id, with the label that its id begins with."""
    own = {key: value for key, value in row.items() if key != "id"}
    return {**own, "source": str(row["id"]).split("-")[0]}
