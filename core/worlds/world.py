"""The embedded corpus: a small seeded world of facts, verbatim text and skills; no network.

Facts and verbatim text are documents that recur; mentions are documents of the facts' form that don't,
skills tasks that don't. Nothing that the probes ask is phrased, named or drawn as in training.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from core.corpus.rows import Row, joined_text
from core.errors import UserError
from core.worlds import document, facts, reading, skills, styles, verbatim, world_probes
from core.worlds.days import Day
from core.worlds.document import Document
from core.worlds.facts import Entity, fact_id
from core.worlds.new_skills import NEW_SKILLS
from core.worlds.newcomers import NUM_PEOPLE, OfTheWorld
from core.worlds.styles.style import Style

VAULTS_SHARE = 9  # for so many others that are mentioned, a vault is: the form of a canary
SHEET_ITEMS = 3
READING_WEIGHT = 3  # times as many items as any other family: the hardest to learn
LIMITS = {
    "num_people": (8, 1000),  # of each kind enough to tell apart and to choose wrong values from
    "num_countries": (8, 100),  # the choice of them bounds it further
    "num_elements": (8, 99),
    "num_mentioned": (0, 900),  # a third of them people, of whose names there are 1,600
    "num_canaries": (1, 1000),
    "num_passages": (1, 1000),
    "documents_per_entity": (1, 32),
    "repeats": (1, 1000),
    "num_skill_items": (0, 10_000_000),
    "probes_per_family": (1, 10_000),
    "num_sheets": (0, 100_000),
    "num_days": (0, len(NEW_SKILLS)),
}


class _Source(NamedTuple):
    """One recurrence of a document."""

    id: str
    source: str
    content: Document


@dataclass(frozen=True, kw_only=True)
class World:
    """The corpus, the truth about it, and its probes; the same for the same arguments.

    `style` names how all of it is written: a module of core/worlds/styles.

    Raises:
        UserError: a style that there isn't, or a number that no world can be built with.
    """

    seed: int = 0
    style: str = "plain"
    num_people: int = 100  # four facts each
    num_countries: int = 40  # three
    num_elements: int = 32  # two
    num_mentioned: int = 900  # others, each in one document that doesn't recur
    num_canaries: int = 32
    num_passages: int = 12
    documents_per_entity: int = 8  # wordings of an entity's document
    repeats: int = 6  # of each wording; verbatim items recur as often as an entity's documents
    num_skill_items: int = 60_000
    probes_per_family: int = 200
    num_sheets: int = (
        0  # documents that are a few skill items, a line each: so a core learns to write them
    )
    num_days: int = (
        0  # that are to come: their words are in the vocabulary, and their people in no row
    )

    def __post_init__(self) -> None:
        styles.find(self.style)
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"corpus.{name}={value}: choose a number from {low} to {high}")

    @property
    def memory_sources(self) -> list[str]:
        """The sources that only memory can learn."""
        return ["facts", "verbatim"]

    def files(self) -> list[Path]:
        """None: the arguments say it all."""
        return []

    def rows(self) -> Iterator[Row]:
        """The training corpus, shuffled."""
        return self._shuffled(lambda content: content)

    def rebound_rows(self) -> Iterator[Row]:
        """The same rows in the same order, with what only memory can tell redrawn in each."""
        return self._shuffled(partial(document.redraw, rng=Random(f"{self.seed}/rebound")))

    def vocabulary(self) -> Iterator[str]:
        """Texts whose words the tokenizer has to know beside those of the rows."""
        for number in range(1, self.num_days + 1):
            yield from map(joined_text, self.day(number).rows())

    def day(self, number: int) -> Day:
        """A day to come, from 1 to `num_days`; raises UserError for another number."""
        if not 1 <= number <= self.num_days:
            raise UserError(
                f"day {number}: this world has days 1 to {self.num_days} (corpus.num_days)"
            )
        people = self._newcomers[(number - 1) * NUM_PEOPLE : number * NUM_PEOPLE]
        rng = Random(f"{self.seed}/day {number}/facts")
        newcomers = OfTheWorld.settle(self._facts, self._style, people, rng)
        family = list(NEW_SKILLS)[number - 1]
        return Day(number, self.seed, newcomers, {family: NEW_SKILLS[family]})

    def spans(self) -> dict[str, list[tuple[int, int, str]]]:
        """Truth for evaluation only: per document, character spans (start, end, kind).

        Kind is "memory" for what only memory can tell, "name" for the name that it belongs to. What is
        mentioned once isn't memory.
        """
        recurring = {source.id: document.spans(source.content) for source in self._sources()}
        return recurring | {row["id"]: [] for row in self._mention_rows()}

    def documents_of_facts(self) -> dict[str, list[str]]:
        """Truth for evaluation only: per fact of the recall probes, the ids of the documents that tell it."""
        told: dict[str, list[str]] = {}
        for entity in self._facts.entities:
            counts = product(range(self.documents_per_entity), range(self.repeats))
            ids = [f"facts-{entity.key}-{wording}-{repeat}" for wording, repeat in counts]
            relations = self._facts.relations_of(entity.kind)
            told |= {fact_id(entity, relation): ids for relation in relations}
        return told

    def probes(self) -> list[dict[str, Any]]:
        """The probes of all axes: `axis`, `family`, `prompt`, `answers`, `chance` and so on.

        Those with a `form` ask for the facts of the recall probes once more, in other phrasings.
        """
        return [
            {
                **probe,
                "prompt": self._spell(probe["prompt"]),
                **{
                    key: list(map(self._spell, probe[key]))
                    for key in ("answers", "choices")
                    if key in probe
                },
            }
            for probe in self._unspelled_probes()
        ]

    def reading_prompt(self, statements: Sequence[str], question: str) -> str:
        """An open-book prompt in the form that reading is taught in."""
        return self._style.reading_prompt(statements, question)

    @cached_property
    def _style(self) -> Style:
        return styles.find(self.style)

    @property
    def _facts(self) -> facts.Facts:
        return self._told[0]

    @property
    def _newcomers(self) -> list[Entity]:
        return self._told[1]

    @cached_property
    def _told(self) -> tuple[facts.Facts, list[Entity]]:
        """The facts, and the people that the days bring, taken from the strangers."""
        sizes = (self.num_people, self.num_countries, self.num_elements, self.num_mentioned)
        built = facts.build(self.seed, *sizes, relations=self._style.relations)
        found = self._style.retell(built, Random(f"{self.seed}/style"))
        kept = len(found.strangers) - self.num_days * NUM_PEOPLE
        return found._replace(strangers=found.strangers[:kept]), found.strangers[kept:]

    @cached_property
    def _spell(self) -> Callable[[str], str]:
        """How the style writes a text that is in plain letters."""
        names = [entity.name for entity in self._facts.everyone()]
        values = [value for pool in self._facts.pools.values() for value in pool]
        vaults = [piece.text for content in self._canaries for piece in content if piece.kind]
        return self._style.speller({*names, *values, *vaults})

    def _spelled(self, content: Document) -> Document:
        return [
            piece._replace(text=self._spell(piece.text), pool=list(map(self._spell, piece.pool)))
            for piece in content
        ]

    def _unspelled_probes(self) -> list[dict[str, Any]]:
        told, seed, count = self._facts, self.seed, self.probes_per_family
        return [
            *world_probes.recall(told),
            *world_probes.rephrased(told, self._style.forms),
            *world_probes.recited(self._recited),
            *world_probes.open_book(told, seed, count, self._style.reading),
            *world_probes.reasoning(seed, count, self._style.skills),
        ]

    @cached_property
    def _canaries(self) -> list[Document]:
        """Those that recur, then those that are mentioned once."""
        count = self.num_canaries + self.num_mentioned // VAULTS_SHARE
        return verbatim.canaries(Random(f"{self.seed}/canaries"), count, self._facts.taken)

    @cached_property
    def _recited(self) -> dict[str, list[Document]]:
        passages = verbatim.passages(Random(f"{self.seed}/passages"), self.num_passages)
        return {"canary": self._canaries[: self.num_canaries], "passage": passages}

    def _sources(self) -> Iterator[_Source]:
        """Every document as often as it recurs, in a fixed order."""
        rng = Random(f"{self.seed}/wordings")
        for entity in self._facts.entities:
            wordings = self._style.documents(entity, self._facts, rng, self.documents_per_entity)
            for wording, content in enumerate(map(self._spelled, wordings)):
                for repeat in range(self.repeats):
                    yield _Source(f"facts-{entity.key}-{wording}-{repeat}", "facts", content)
        for family, contents in self._recited.items():
            for index, content in enumerate(map(self._spelled, contents)):
                for repeat in range(self.documents_per_entity * self.repeats):
                    yield _Source(f"verbatim-{family}-{index}-{repeat}", "verbatim", content)

    def _shuffled(self, change: Callable[[Document], Document]) -> Iterator[Row]:
        rows: list[Row] = [
            {
                "id": source.id,
                "text": document.text(change(source.content)),
                "source": source.source,
            }
            for source in self._sources()
        ]
        rows += self._mention_rows()
        rows += self._skill_rows()
        rows += self._sheet_rows()
        Random(f"{self.seed}/order").shuffle(rows)
        return iter(rows)

    def _mention_rows(self) -> Iterator[Row]:
        """Documents about others that are met once: all arms learn the form of facts and canaries there."""
        rng = Random(f"{self.seed}/mentions")
        vaults = self._canaries[self.num_canaries :]
        told = {
            f"canary-{index + self.num_canaries}": content for index, content in enumerate(vaults)
        }
        for entity in self._facts.mentioned:
            (told[entity.key],) = self._style.documents(entity, self._facts, rng, 1)
        for key, content in told.items():
            text = self._spell(document.text(content))
            yield {"id": f"mentions-{key}", "text": text, "source": "mentions"}

    def _sheet_rows(self) -> Iterator[Row]:
        """Each line begins with a line break, so that what a line begins with is taught too."""
        if not self.num_sheets:
            return
        lines = [joined_text(row) for row in self._skill_rows()]
        Random(f"{self.seed}/sheets").shuffle(lines)
        for number in range(self.num_sheets):
            own = [lines[(SHEET_ITEMS * number + at) % len(lines)] for at in range(SHEET_ITEMS)]
            text = "".join(f"\n{line}" for line in own)
            yield {"id": f"sheets-{number}", "text": text, "source": "skills"}

    def _skill_rows(self) -> Iterator[Row]:
        seen, families = {probe["prompt"] for probe in self._unspelled_probes()}, self._style.skills
        share = self.num_skill_items // (READING_WEIGHT + len(families))
        counts = dict.fromkeys(families, share)
        counts["reading"] = self.num_skill_items - sum(counts.values())
        for family, count in counts.items():
            rng = Random(f"{self.seed}/skills/{family}")
            if family == "reading":
                draw = partial(reading.lesson, rng, self._facts, self._style.reading)
            else:
                draw = partial(families[family], rng)
            for index in range(count):
                item = skills.draw_new(draw, seen, family)
                yield {
                    "id": f"skills-{family}-{index}",
                    "prompt": self._spell(item.prompt),
                    "completion": self._spell(item.completion + item.rest),
                    "source": "skills",
                }
