"""No corpus is given: the pretrained teacher writes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from random import Random

from core.corpus.jsonl import JsonLines
from core.corpus.rows import Row, Rows, write_rows
from core.corpus.script import words_of
from core.errors import UserError
from core.models.checkpoint import Checkpoint, checksums
from core.models.fit import WHO
from core.models.gate import check_packed
from core.runs.artifacts import Artifact, write_json
from core.runs.console import Report, console
from core.writing.author import Author
from core.writing.diversity import diversity
from core.writing.journal import Continuations, Journal
from core.writing.notebook import Notebook
from core.writing.requests import ROUND, WAYS, Way, kind_of, requests
from core.writing.rows import exercise_rows, texts_of, written_rows

ROWS, JOURNAL, DIVERSITY = "rows.jsonl", "said.jsonl", "diversity.json"
VERSION = "4"  # raised when the same configuration and teacher give another corpus
FIRST = 3  # batches after which it is looked at what the teacher says
MOST_EMPTY = 0.9  # of the continuations
LEAST_VARIED = 0.1  # of the four words in a row that it says, the share that is different
MOST_SAID = 10  # tokens for each token wanted


@dataclass(frozen=True, kw_only=True)
class Written:
    """Texts by a pretrained teacher, shown a few examples: lists, statements, questions, stories, passages to
    read, about names and in the same forms about common words; and worked exercises.

    Rows have the `source` `written`, `words` (about common words) or `exercise`. `num_tokens`, in the
    teacher's own tokens, is about their size, and `exercises` the share of these. `mix` names JSON-lines
    files of a user's own that are read beside it.

    Raises:
        UserError: a size or a share that no corpus can have.
    """

    seed: int = 0
    num_tokens: int = 120_000
    exercises: float = 0.2
    mix: str | None = None

    def __post_init__(self) -> None:
        if self.num_tokens < 1:
            raise UserError(f"corpus.num_tokens={self.num_tokens}: choose 1 or more")
        if not 0 <= self.exercises < 1:
            raise UserError(f"corpus.exercises={self.exercises}: choose a share from 0 to below 1")

    @property
    def memory_sources(self) -> list[str]:
        """None: what of it is memory isn't known."""
        return []

    def files(self) -> list[Path]:
        """Those of the user's own text."""
        return self._own.files() if self._own else []

    def rows(self) -> Iterator[Row]:
        """Raises UserError: they can only be had by a teacher."""
        raise UserError("corpus=written is read where it was written: run `winnow corpus` first")

    def rebound_rows(self) -> None:
        """None: nobody knows which of it are facts."""

    def written_by(
        self, teacher: Checkpoint | None, folder: Path, *, overwrite: bool, report: Report
    ) -> Iterator[Row]:
        """The rows, written into `folder` by the teacher unless they are there, behind those of `mix`.

        What was written before an interruption is kept and gone on from. Raises UserError without a
        pretrained teacher, for a folder that another one has written, and for a teacher that can't write or
        can't teach.
        """
        if teacher is None:
            raise UserError(
                "corpus=written is for a pretrained teacher, which writes it: add teacher=hub "
                "teacher.name=ORG/MODEL, or teacher=path teacher.path=FOLDER"
            )
        for _ in self._own.rows() if self._own else ():
            pass  # refused before hours of writing
        settings = {"num_tokens": self.num_tokens, "exercises": self.exercises}
        settings |= {"seed": self.seed}
        artifact = Artifact(folder, settings, checksums(teacher.files), version=VERSION)
        if not artifact.is_done(overwrite):
            model = teacher.model()
            check_packed(model, WHO)  # what it writes is for a student of its own
            author = Author(model, teacher.tokenizer())
            with artifact.writing() as partial:
                self._write(author, partial, report)
        return chain(self._own.rows() if self._own else (), Rows(folder / ROWS))

    @property
    def _own(self) -> JsonLines | None:
        return JsonLines(path=self.mix) if self.mix else None

    def _write(self, author: Author, folder: Path, report: Report) -> None:
        notebook, journal = Notebook(author.count), Journal(folder / JOURNAL)
        wanted = round(self.num_tokens * (1 - self.exercises))
        num_said = 0
        report(0, wanted, "tokens written")
        for number in count():
            way, asked = WAYS[kind_of(number)], requests(notebook, number, self.seed)
            if number == len(journal.batches):
                journal.add(self._ask(author, [request.prompt for request in asked], way, number))
            for request, texts in zip(asked, journal.batches[number], strict=True):
                for said in texts:
                    notebook.take(request, said.text, ended=said.ended)
            num_said += len(asked) * way.num_samples * way.num_tokens
            report(min(notebook.num_tokens, wanted), wanted, "tokens written")
            if number + 1 == FIRST:
                _check(journal.batches)
            if notebook.num_tokens >= wanted:
                break
            if num_said > MOST_SAID * self.num_tokens and number >= len(WAYS):
                break
        _check(journal.batches[-len(ROUND) :])
        _tell_shortage(notebook.num_tokens, wanted)
        rows = written_rows(notebook, self.seed)
        told = sum(map(author.count, texts_of(rows)))
        share = self.exercises / (1 - self.exercises)
        rows += exercise_rows(round(share * told), author.count, self.seed)
        Random(f"{self.seed}/order").shuffle(rows)
        write_rows(folder / ROWS, rows)
        measured = diversity(texts_of(rows))
        write_json(folder / DIVERSITY, {"rows": len(rows), "tokens": told, **measured})

    def _ask(self, author: Author, prompts: list[str], way: Way, number: int) -> Continuations:
        if not prompts:
            return []
        return author.go_on(prompts, way, Random(f"{self.seed}/draws/{number}").getrandbits(62))


def _check(batches: list[Continuations]) -> None:
    """Raise UserError for a teacher that says nothing, or the same over and over."""
    texts = [said.text for batch in batches for asked in batch for said in asked]
    empty = sum(not words_of(text) for text in texts)
    if empty >= MOST_EMPTY * len(texts):
        raise UserError(
            f"the teacher writes nothing: {empty} of {len(texts)} texts ended before their first word; "
            "give a corpus of your own with corpus=jsonl corpus.path=FILE"
        )
    varied = diversity(texts).get("distinct_4", 0.0)
    if varied < LEAST_VARIED:
        common = max(set(texts), key=texts.count).strip()[:60]
        raise UserError(
            f"the teacher writes the same over and over (“{common}…”; {varied:.0%} of all four words are "
            "new): give a corpus of your own with corpus=jsonl corpus.path=FILE"
        )


def _tell_shortage(num_tokens: int, wanted: int) -> None:
    if num_tokens == 0:
        raise UserError(
            "nothing that the teacher wrote could be used: it doesn't go on as it was shown in English; "
            "give a corpus of your own with corpus=jsonl corpus.path=FILE"
        )
    if num_tokens < wanted:
        console.print(
            f"written: {num_tokens:,} tokens of the {wanted:,} wanted; the rest repeats or can't be used",
            style="yellow",
        )
