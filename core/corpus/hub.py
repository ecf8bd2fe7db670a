"""A dataset of the Hugging Face hub, read as a stream: nothing of its size is ever in memory."""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from datasets import DatasetBuilder, IterableDataset, Value, load_dataset_builder
from datasets.packaged_modules.csv.csv import CsvConfig

from core.corpus.folder import left_out, why_unread
from core.corpus.rows import Row, checked_sources
from core.corpus.script import composed
from core.errors import UserError, nearest
from core.runs.console import console

NOTHING = ["", "NA", "N/A", "NaN", "nan", "None", "null"]  # how no number is written in CSV


class Hub:
    """Rows of the dataset `name`, on the hub or in a folder of files that `datasets` reads.

    `text_field` names the column of documents, or `prompt_field` and `completion_field` those of tasks.
    Text is read in Unicode's normal form C, and of a CSV file as it stands there: `NA` and `007` are text.
    Rows whose text is empty are passed over and counted. The first `num_rows` others are the corpus.
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
        if num_rows is not None and num_rows < 1:
            raise UserError(f"corpus.num_rows must be 1 or more, not {num_rows}; null: all rows")
        fields = {"text": text_field, "prompt": prompt_field, "completion": completion_field}
        self.texts = {key: column for key, column in fields.items() if column}
        self.name, self.subset, self.split, self.revision = name, subset, split, revision
        self.source_field, self.num_rows = source_field, num_rows
        self.memory_sources = list(memory_sources)

    def rows(self) -> Iterator[Row]:
        """The rows. Raises UserError when the dataset can't be had, or has no such column or source."""
        self.num_empty = 0
        rows = islice(self._rows(), self.num_rows)
        yield from checked_sources(rows, self.memory_sources, f"corpus.name={self.name}")
        if self.num_empty:
            console.print(f"corpus.name={self.name}: {self.num_empty:,} rows without text left out")

    @property
    def _columns(self) -> list[str]:
        return [*self.texts.values(), *([self.source_field] if self.source_field else [])]

    def _rows(self) -> Iterator[Row]:
        for number, found in enumerate(self._stream()):
            for column in self._columns:
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
            source = found[self.source_field] if self.source_field else None
            if isinstance(source, dict | list):
                raise UserError(
                    f"corpus.name={self.name}, row {number}: column '{self.source_field}' holds several"
                    " values; corpus.source_field is a column of one"
                )
            if source not in (None, ""):
                row["source"] = str(source)
            if all(row[key].strip() for key in self.texts):
                yield row
            else:
                self.num_empty += 1

    def _stream(self) -> Iterator[dict[str, Any]]:
        try:
            builder = load_dataset_builder(
                self.name, self.subset, revision=None if self._is_folder else self.revision
            )
            self._take_as_written(builder)
            stream = builder.as_streaming_dataset(split=self.split)
            self._tell_left_out(builder)
            assert isinstance(stream, IterableDataset), "of one split"
            yield from stream
        except (OSError, ValueError, RuntimeError) as error:
            raise UserError(f"corpus.name={self.name}: {self._why_unread(error)}") from error

    def _why_unread(self, error: Exception) -> str:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(".: ")
        if self._is_folder:
            return f"this folder can't be read ({why_unread(self.files()) or reason})"
        if Path(self.name).is_file():
            return "this is a file; give a folder with files of one kind, all of which are read"
        return f"this dataset on the hub can't be read ({reason}); offline, give a folder with its files"

    def _take_as_written(self, builder: DatasetBuilder) -> None:
        """Read the columns of CSV as text: Pandas would make numbers of `007`, and nothing of `NA`."""
        config = builder.config
        if not isinstance(config, CsvConfig):
            return
        # A dataset may say what each column is; else Pandas guesses, and the others may be anything.
        declared = config.features or builder.info.features or {}
        others = [name for name, kind in declared.items() if kind != Value("string")]
        nothing: Any = dict.fromkeys(others, NOTHING) if declared else [""]
        config.keep_default_na, config.na_values = False, nothing
        if config.features is None:
            config.converters = dict.fromkeys(set(self._columns) - set(others), str)

    def _tell_left_out(self, builder: DatasetBuilder) -> None:
        if self._is_folder:
            by_split = builder.config.data_files or {}
            read = [Path(str(name)) for name in by_split.get(self.split, ())]
            if told := left_out(self.files(), read):
                console.print(f"corpus.name={self.name}: {told}")

    @property
    def _is_folder(self) -> bool:
        return Path(self.name).is_dir()

    def rebound_rows(self) -> None:
        """Return None: a dataset brings no control with redrawn values."""

    def files(self) -> list[Path]:
        """The files of a folder. Empty for a dataset of the hub, which its revision identifies."""
        found = Path(self.name).rglob("*") if self._is_folder else ()
        return sorted(path for path in found if path.is_file())
