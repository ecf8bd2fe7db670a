"""A dataset of the Hugging Face hub, read as a stream: nothing of its size is ever in memory."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from datasets import IterableDataset, load_dataset

from core.corpus.rows import Row, checked_sources
from core.corpus.script import composed
from core.errors import UserError, nearest


class Hub:
    """Rows of the dataset `name`, on the hub or in a folder of files that `datasets` reads.

    `text_field` names the column of documents, or `prompt_field` and `completion_field` those of tasks.
    Text is read in Unicode's normal form C. Rows whose text is empty are passed over. The first `num_rows`
    others are the corpus.
    """

    def __init__(
        self,
        *,
        name: str,
        subset: str | None = None,
        split: str = "train",
        revision: str | None = None,
        text_field: str | None = "text",
        prompt_field: str | None = None,
        completion_field: str | None = None,
        source_field: str | None = None,
        num_rows: int | None = None,
        memory_sources: Sequence[str] = (),
    ):
        """Check the fields. Raises UserError unless they are those of documents or those of tasks."""
        is_task = bool(prompt_field and completion_field)
        if is_task == bool(text_field) or bool(prompt_field) != bool(completion_field):
            raise UserError(
                "corpus=hub takes text_field, or prompt_field and completion_field with text_field=null"
            )
        if memory_sources and not source_field:
            raise UserError(
                "corpus.memory_sources are values of a column: name corpus.source_field"
            )
        fields = {"text": text_field, "prompt": prompt_field, "completion": completion_field}
        self.texts = {key: column for key, column in fields.items() if column}
        self.name, self.subset, self.split, self.revision = name, subset, split, revision
        self.source_field, self.num_rows = source_field, num_rows
        self.memory_sources = list(memory_sources)

    def rows(self) -> Iterator[Row]:
        """The rows. Raises UserError when the dataset can't be had, or has no such column or source."""
        rows = islice(self._rows(), self.num_rows)
        return checked_sources(rows, self.memory_sources, f"corpus.name={self.name}")

    def _rows(self) -> Iterator[Row]:
        for number, found in enumerate(self._stream()):
            columns = [*self.texts.values(), *([self.source_field] if self.source_field else [])]
            for column in columns:
                if column not in found:
                    hint = nearest(column, found) or f"; it has {', '.join(found)}"
                    raise UserError(f"corpus.name={self.name} has no column '{column}'{hint}")
            row: Row = {"id": str(number)}
            for key, column in self.texts.items():
                if not isinstance(found[column], str | None):
                    kind = type(found[column]).__name__
                    raise UserError(
                        f"corpus.name={self.name}, row {number}: column '{column}' is {kind}, not text"
                    )
                row[key] = composed(found[column] or "")
            if self.source_field and found[self.source_field] is not None:
                row["source"] = str(found[self.source_field])
            if all(row[key].strip() for key in self.texts):
                yield row

    def _stream(self) -> Iterator[dict[str, Any]]:
        try:
            stream = load_dataset(
                self.name,
                self.subset,
                split=self.split,
                revision=None if self._is_folder else self.revision,
                streaming=True,
            )
            assert isinstance(stream, IterableDataset), "of one split"
            yield from stream
        except (OSError, ValueError, RuntimeError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
            where = "folder" if self._is_folder else "dataset on the hub"
            raise UserError(
                f"corpus.name={self.name}: this {where} can't be read ({reason}); offline, give a folder"
                " with its files"
            ) from error

    @property
    def _is_folder(self) -> bool:
        return Path(self.name).is_dir()

    def rebound_rows(self) -> None:
        """Return None: a dataset brings no control with redrawn values."""

    def files(self) -> list[Path]:
        """The files of a folder. Empty for a dataset of the hub, which its revision identifies."""
        found = Path(self.name).rglob("*") if self._is_folder else ()
        return sorted(path for path in found if path.is_file())
