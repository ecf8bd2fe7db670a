"""Days: what a core that was distilled meets afterwards.

Each brings skills that the core doesn't have, people with facts, notes that recur, and chatter. The sources
of the rows are labels for evaluation alone. Nothing that is asked of a day stands in it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any, ClassVar

from core.corpus.rows import Row
from core.errors import UserError
from core.worlds import document, verbatim, words, world_probes
from core.worlds.new_rules import NEW_RULES
from core.worlds.newcomers import NUM_WORDINGS, InEnglish, Newcomers
from core.worlds.skills import Item, draw_new

NUM_ITEMS = 200  # of each new skill
NUM_NOTES, RECURS = 4, 5
NUM_CHATTER = 40
MORE = 10  # times as many items of a skill as a day has, for training on labels


@dataclass(frozen=True)
class Day:
    """One day, from 1: the same for the same seed. `skills` are new, and so are the newcomers' names."""

    number: int
    seed: int
    newcomers: Newcomers
    skills: Mapping[str, Callable[[Random], Item]]

    @property
    def families(self) -> list[str]:
        """The skills that are new."""
        return list(self.skills)

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

    def items(self, purpose: str, count: int) -> dict[str, list[Item]]:
        """`count` items of each new skill, none of which the day has."""
        seen, rng = {row["prompt"] for row in self._skill_rows()}, self._rng(purpose)
        return {
            family: [draw_new(partial(draw, rng), seen, family) for _ in range(count)]
            for family, draw in self.skills.items()
        }

    def skill_probes(self, count: int) -> list[dict[str, Any]]:
        """Items that nothing has asked before, `count` of each new skill."""
        return [
            world_probes.task(f"new-{family}-{n}", "reasoning", family, item)
            for family, items in self.items("probes", count).items()
            for n, item in enumerate(items)
        ]

    def fact_probes(self, *, told: bool) -> list[dict[str, Any]]:
        """The facts of those that the day tells of, or of the others: each in the held-out wording."""
        return self.newcomers.probes(told=told)

    def documents_of_facts(self) -> Mapping[str, list[str]]:
        """Per fact of the told, the ids of the documents that tell it."""
        ids = {
            person.key: [f"day{self.number}-facts-{person.key}-{n}" for n in range(NUM_WORDINGS)]
            for person in self.newcomers.told
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
        rng, seen, number = self._rng("skill"), set[str](), 0
        for family, draw in self.skills.items():
            for _ in range(NUM_ITEMS):
                item = draw_new(partial(draw, rng), seen, family)
                yield {
                    "id": f"skill-{number}",
                    "prompt": item.prompt,
                    "completion": item.completion,
                }
                number += 1

    def _fact_rows(self) -> Iterator[Row]:
        told = list(self.newcomers.documents(self._rng("wordings")))
        for at, (key, content) in enumerate(told):
            yield {"id": f"facts-{key}-{at % NUM_WORDINGS}", "text": document.text(content)}

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


@dataclass(frozen=True, kw_only=True)
class EnglishDays:
    """Days in plain English, for a pretrained teacher's core: one, with a format and a small notation."""

    seed: int = 0
    num_days: ClassVar[int] = 1

    def day(self, number: int) -> Day:
        """The day of this number; raises UserError for another than 1."""
        if number != 1:
            raise UserError(f"day {number}: there is one day alone; add day=FILE for another")
        return Day(number, self.seed, InEnglish.settle(f"{self.seed}/day {number}"), NEW_RULES)
