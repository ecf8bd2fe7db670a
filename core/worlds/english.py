"""A corpus for a pretrained teacher: facts and passages that it is taught, among English that it could read.

The facts are about people who don't exist, the passages out of texts that it can't recite; both are learned
by heart first (`teacher.learn`), so that the model before is the control that never saw them. The rest is
general: paragraphs, questions about passages, exercises. What comes from files is read by halves, of which
the probes have the other one. Without files, all of it is generated.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from random import Random
from typing import Any

import conf
from core.corpus import files
from core.corpus.rows import Row, joined_text
from core.errors import UserError
from core.worlds import document, english_probes, exercises, people, verbatim
from core.worlds.document import Document, Piece
from core.worlds.english_probes import Held
from core.worlds.people import People
from core.worlds.skills import Item, draw_new

LIMITS = {
    "num_people": (8, 400),
    "documents_per_person": (1, 32),
    "num_passages": (1, 1000),
    "passage_repeats": (1, 1000),
    "repeats": (1, 1000),
    "num_paragraphs": (0, 1_000_000),
    "num_questions": (0, 1_000_000),
    "num_exercises": (0, 1_000_000),
    "probes_per_family": (1, 10_000),
}
SHIPPED = Path(conf.__file__).parent.parent  # what corpus.known may be relative to
PARAGRAPH = (25, 80)  # words
LONGEST_PASSAGE = 90  # words, of a question's


@dataclass(frozen=True, kw_only=True)
class English:
    """The corpus, the truth about it, and its probes; the same for the same arguments and files.

    File names are relative to `data`. `texts` are ordinary prose, of which the first half is read and the
    second left for perplexity (`metric.perplexity.texts`); `passages` are what is learned by heart;
    `questions` is in SQuAD's form, `pairs` a folder of minimal pairs in BLiMP's. `known` are the samples
    of an evaluation of the teacher, wherever they lie: the facts that it answered are asked again, as what it
    knows of itself.

    Raises:
        UserError: a number that no corpus can be built with.
    """

    seed: int = 0
    data: str = "data"
    texts: Sequence[str] = ()
    passages: Sequence[str] = ()
    questions: str | None = None
    pairs: str | None = None
    known: str | None = None
    num_people: int = 24  # four facts each
    documents_per_person: int = 4  # wordings of a person's facts
    num_passages: int = 24
    passage_words: int = 40  # of which the first prompt_words are given, and answer_words asked for
    prompt_words: int = 24  # some 32 tokens
    answer_words: int = 12  # some 16
    passage_repeats: int = 2  # of each passage, for documents_per_person documents of each person
    repeats: int = 1  # of all of these
    num_paragraphs: int = 160  # at most, as of the questions
    num_questions: int = 40
    num_exercises: int = 20  # of each family
    probes_per_family: int = 25

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UserError(f"corpus.{name}={value}: choose a number from {low} to {high}")
        if not 0 < self.prompt_words <= self.passage_words - self.answer_words:
            raise UserError(
                f"corpus.passage_words={self.passage_words} must hold prompt_words and answer_words"
            )

    @property
    def memory_sources(self) -> list[str]:
        """The sources that only memory can learn."""
        return ["facts", "verbatim"]

    def files(self) -> list[Path]:
        """Those that were named, also in folders."""
        named = [*self.texts, *self.passages, self.questions]
        found = [self._path(name) for name in named if name]
        found += [self._known_file] if self._known_file else []
        return found + (sorted(self._path(self.pairs).glob("*.jsonl")) if self.pairs else [])

    def rows(self) -> Iterator[Row]:
        """The training corpus, shuffled. Raises UserError for a file that is missing."""
        return self._shuffled(self._memories())

    def rebound_rows(self) -> Iterator[Row]:
        """The rows with what only memory can tell redrawn in each, without passages that have no pool."""
        rng = Random(f"{self.seed}/rebound")
        return self._shuffled(
            (key, source, document.redraw(content, rng))
            for key, source, content in self._memories()
            if any(piece.pool for piece in content)
        )

    def spans(self) -> dict[str, list[tuple[int, int, str]]]:
        """Truth for evaluation only: per document, character spans (start, end, kind) as of the World."""
        return {key: document.spans(content) for key, _, content in self._memories()}

    def documents_of_facts(self) -> dict[str, list[str]]:
        """Truth for evaluation only: per fact of the recall probes, the ids of the documents that tell it."""
        told: dict[str, list[str]] = {}
        for key, source, _ in self._memories():
            if source == "facts":
                person = key.removeprefix("facts-").rsplit("-", 2)[0]
                for relation in people.RELATIONS:
                    told.setdefault(f"{person}/{relation.family}", []).append(key)
        return told

    def probes(self) -> list[dict[str, Any]]:
        """The probes of all axes for which there is anything to ask."""
        held = Held(
            people=self._people,
            passages=self._passages,
            prompt_words=self.prompt_words,
            answer_words=self.answer_words,
            questions=self._questions[1],
            pairs=files.minimal_pairs(self._path(self.pairs)) if self.pairs else {},
            known=files.read_records(self._known_file) if self._known_file else [],
        )
        return english_probes.probes(held, self.seed, self.probes_per_family)

    def reading_prompt(self, statements: Sequence[str], question: str) -> str:
        """How a core is asked that reads: the statements, then the beginning that they complete."""
        return f"{' '.join(statements)} {question}"

    def _path(self, name: str) -> Path:
        return Path(self.data) / name

    @property
    def _known_file(self) -> Path | None:
        """Here, or where Winnow is installed: the file of `experiment=smollm2` comes with it."""
        if self.known is None:
            return None
        places = Path(self.known), SHIPPED / self.known
        found = next((place for place in places if place.is_file()), None)
        if found is None:
            raise UserError(f"corpus.known={self.known}: no such file")
        return found

    def _read(self, name: str) -> str:
        path = self._path(name)
        if not path.is_file():
            raise UserError(
                f"{path} is missing: give the folder that has it with corpus.data=FOLDER, or other files "
                "with corpus.texts, passages, questions, pairs (empty or null: none)"
            )
        return files.read_text(path)

    @cached_property
    def _people(self) -> People:
        return people.invent(self.seed, self.num_people)

    @cached_property
    def _passages(self) -> list[Document]:
        rng = Random(f"{self.seed}/passages")
        if not self.passages:
            return verbatim.passages(rng, self.num_passages)
        text = "\n\n".join(map(self._read, self.passages))
        chosen = files.passages(text, rng, self.num_passages, self.passage_words)
        return [_all_but_the_opening(text) for text in chosen]

    @cached_property
    def _questions(self) -> tuple[list[Row], list[Row]]:
        if self.questions is None:
            return [], []
        self._read(self.questions)
        return files.questions(self._path(self.questions), LONGEST_PASSAGE)

    def _memories(self) -> Iterator[tuple[str, str, Document]]:
        """Id, source and content of every document to learn by heart, as often as it recurs."""
        rng = Random(f"{self.seed}/wordings")
        for person in self._people.known:
            for wording, content in enumerate(
                people.documents(person, rng, self.documents_per_person)
            ):
                for repeat in range(self.repeats):
                    yield f"facts-{person.key}-{wording}-{repeat}", "facts", content
        for index, content in enumerate(self._passages):
            for repeat in range(self.passage_repeats * self.repeats):
                yield f"verbatim-{index}-{repeat}", "verbatim", content

    def _shuffled(self, memories: Iterable[tuple[str, str, Document]]) -> Iterator[Row]:
        rows = [
            {"id": key, "text": document.text(content), "source": source}
            for key, source, content in memories
        ]
        rows += [*self._general_rows(), *self._exercise_rows()]
        Random(f"{self.seed}/order").shuffle(rows)
        return iter(rows)

    def _general_rows(self) -> Iterator[Row]:
        rng = Random(f"{self.seed}/general")
        texts = [p for name in self.texts for p in self._paragraphs(name)]
        for index, text in enumerate(_some(rng, texts, self.num_paragraphs)):
            yield {"id": f"texts-{index}", "text": text, "source": "texts"}
        for index, row in enumerate(_some(rng, self._questions[0], self.num_questions)):
            text = joined_text(row)  # the passage is taught as well
            yield {"id": f"questions-{index}", "text": text, "source": "questions"}

    def _paragraphs(self, name: str) -> Iterator[str]:
        first, _ = files.halves(self._read(name))
        return files.paragraphs(first, *PARAGRAPH)

    def _exercise_rows(self) -> Iterator[Row]:
        seen = english_probes.exercise_prompts(self._people, self.seed, self.probes_per_family)
        draws: dict[str, Callable[[Random], Item]] = {**exercises.ARITHMETIC, **exercises.LOGIC}
        draws["reading"] = partial(people.read, people=self._people.strangers, probe=False)
        for family, draw in draws.items():
            rng = Random(f"{self.seed}/exercises/{family}")
            for index in range(self.num_exercises):
                item = draw_new(partial(draw, rng), seen, family)
                yield {
                    "id": f"exercises-{family}-{index}",
                    "prompt": item.prompt,
                    "completion": item.completion + item.rest,
                    "source": "exercises",
                }


def _some(rng: Random, rows: list[Any], count: int) -> list[Any]:
    return rng.sample(rows, min(count, len(rows)))


def _all_but_the_opening(text: str) -> Document:
    """A passage is memory from its second word on: the first one tells which it is."""
    opening, space, rest = text.partition(" ")
    return [Piece(opening), Piece(space + rest, "memory")]
