"""What a corpus is: rows of text, and where they come from.

A row is `{"id", "text", "source"?}` (a document: every token is taught) or
`{"id", "prompt", "completion", "source"?}` (a task: only the completion is taught).
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol, overload, runtime_checkable

from core.corpus.script import joint
from core.errors import UserError, nearest
from core.models.checkpoint import Checkpoint
from core.runs.console import Report

Row = dict[str, Any]

TEXT_FIELDS = ("text", "prompt", "completion")


class Text(Protocol):
    """Any text in rows."""

    def rows(self) -> Iterator[Row]:
        """The rows, in order."""
        ...


class Corpus(Protocol):
    """Anything with rows. `source` labels serve the controls and evaluation only."""

    memory_sources: list[str]

    def rows(self) -> Iterator[Row]:
        """The training corpus, in the order in which it is read."""
        ...

    def rebound_rows(self) -> Iterator[Row] | None:
        """The same documents with their values redrawn; None when there is no such control."""
        ...

    def files(self) -> list[Path]:
        """Files whose content shapes the corpus, so that a changed file is noticed."""
        ...


@runtime_checkable
class ByTeacher(Protocol):
    """A corpus whose rows a pretrained teacher writes: `rows` can't be had without it."""

    def written_by(
        self, teacher: Checkpoint | None, folder: Path, *, overwrite: bool, report: Report
    ) -> Iterator[Row]:
        """The rows, in order. What the teacher writes for them is kept in `folder`, an artifact of its own,
        and `report` is told how far it is. Raises UserError without a teacher.
        """
        ...


def prompt_of(row: Row) -> str:
    """What precedes the taught text: empty for a document."""
    return str(row.get("prompt", ""))


def taught_text(row: Row) -> str:
    """The text that is taught: all of a document, the completion of a task."""
    return str(row["text"] if "text" in row else row["completion"])


def joined_text(row: Row) -> str:
    """Prompt and completion joined as their script joins words, or the document's text."""
    prompt, text = prompt_of(row), taught_text(row)
    return f"{prompt}{joint(prompt, text)}{text}"


def checked_sources(rows: Iterable[Row], wanted: Iterable[str], where: str) -> Iterator[Row]:
    """Yield the rows. Raises UserError after the last one when none had a source in `wanted`."""
    sources = set()
    for row in rows:
        sources.add(row.get("source"))
        yield row
    known = sorted(str(source) for source in sources if source)
    for source in wanted:
        if source not in sources:
            hint = nearest(source, known) or f"; it has {', '.join(known[:9]) or 'no sources'}"
            raise UserError(f"{where} has no row with source '{source}'{hint}")


class Rows(Sequence[Row]):
    """Rows in a JSON-lines file that `write_rows` wrote. Memory holds each row's offset, 8 bytes a row."""

    def __init__(self, path: Path):
        self.path = path
        with path.open("rb") as file:
            self._ends = array("q", [0])
            for line in file:
                self._ends.append(self._ends[-1] + len(line))
        self._file = path.open("rb")
        self._row = lru_cache(1024)(self._read)  # rows are asked for about in order, often again

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __iter__(self) -> Iterator[Row]:
        with self.path.open("rb") as file:
            yield from map(json.loads, file)

    @overload
    def __getitem__(self, index: int) -> Row: ...
    @overload
    def __getitem__(self, index: slice) -> list[Row]: ...
    def __getitem__(self, index: int | slice) -> Row | list[Row]:
        if isinstance(index, slice):
            return [self._row(number) for number in range(*index.indices(len(self)))]
        return self._row(range(len(self))[index])

    def _read(self, number: int) -> Row:
        self._file.seek(self._ends[number])
        row: Row = json.loads(self._file.readline())
        return row


def write_rows(path: Path, rows: Iterable[Row]) -> Rows:
    """Write rows one by one, and give them back as they are read from there."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return Rows(path)
