"""A user's own corpus: JSON-lines files."""

from array import array
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Any

import numpy as np

from core.corpus.json_text import MARK, Number, parse
from core.corpus.rows import Row, checked_sources
from core.corpus.script import composed
from core.errors import UserError, nearest

FIELDS = ("id", "text", "prompt", "completion", "source")
OTHERS = (
    "corpus.path takes JSON lines; for CSV, parquet, plain text or compressed files put them into a folder:"
    " corpus=hub corpus.name=FOLDER"
)


class JsonLines:
    """Rows of the JSON-lines files that `path` names, with an optional control of the same form.

    Their text is read in Unicode's normal form C, and so are the probes of the run.

    `path` is a file, or a pattern such as `data/*.jsonl`, whose files are read in order of their names.
    `control_path` holds the same documents with their values redrawn (the rebound control);
    `memory_sources` names the `source` values that the never-exposed control leaves out.
    """

    def __init__(
        self, *, path: str, control_path: str | None = None, memory_sources: Sequence[str] = ()
    ):
        self.path = path
        self.paths = _named(path)
        self.control_paths = _named(control_path) if control_path else []
        self.memory_sources = list(memory_sources)

    def rows(self) -> Iterator[Row]:
        """The rows. Raises UserError, naming file and line, for a row that is neither document nor task."""
        return checked_sources(read_rows(self.paths), self.memory_sources, self.path)

    def rebound_rows(self) -> Iterator[Row] | None:
        """The rows of `control_path`, or None when none was given."""
        return read_rows(self.control_paths) if self.control_paths else None

    def files(self) -> list[Path]:
        """The files that were named."""
        return [*self.paths, *self.control_paths]


def _named(path: str) -> list[Path]:
    """The files that a path or a pattern names; the path itself where there are none."""
    if Path(path).is_dir():
        raise UserError(f"{path} is a folder: give its files as '{path}/*.jsonl'; {OTHERS}")
    if has_magic(path) and not Path(path).exists():
        return [Path(found) for found in sorted(glob(path, recursive=True))] or [Path(path)]
    return [Path(path)]


def read_rows(paths: Sequence[Path]) -> Iterator[Row]:
    """Read and check rows one by one. Memory holds a hash of each id, 8 bytes a row.

    Raises UserError for a missing or empty file, and for a bad row, naming its file and line. An id that
    occurs twice is refused after the last row.
    """
    ids = array("q")
    for path in paths:
        before = len(ids)
        for _, row in _rows_of(path):
            ids.append(hash(row["id"]))
            yield row
        if len(ids) == before:
            raise UserError(f"{path} holds no rows: a corpus needs at least one document or task")
    _refuse_repeated(paths, ids)


def _rows_of(path: Path) -> Iterator[tuple[str, Row]]:
    """The rows of a file, each with where it stands."""
    if not path.is_file():
        raise UserError(f"{path} isn't a file: give a JSON-lines corpus with corpus.path=FILE")
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip(f"{MARK} \t\r\n"):
                    yield f"{path}:{number}", _parse(line, f"{path}:{number}")
    except UnicodeDecodeError as error:
        cure = OTHERS if _is_of_another_kind(path) else "save it as UTF-8"
        raise UserError(f"{path} isn't UTF-8 text ({error.reason}); {cure}") from error


def _is_of_another_kind(path: Path) -> bool:
    """By its ending, also that of a compressed file."""
    return path.suffix.lower() not in ("", ".jsonl", ".json", ".ndjson")


def _refuse_repeated(paths: Sequence[Path], ids: "array[int]") -> None:
    """Raise UserError for an id that occurs twice; the files are read again only if a hash does."""
    values, counts = np.unique(np.frombuffer(ids, dtype=np.int64), return_counts=True)
    suspected = set(values[counts > 1].tolist())
    seen = set()
    for where, row in (found for path in paths if suspected for found in _rows_of(path)):
        if row["id"] in seen:
            raise UserError(f"{where}: id '{row['id']}' occurs twice")
        if hash(row["id"]) in suspected:
            seen.add(row["id"])


def _parse(line: str, where: str) -> Row:
    try:
        row: Any = parse(line, as_written=True)
    except ValueError as error:
        cure = f"; {OTHERS}" if _is_of_another_kind(Path(where.rpartition(":")[0])) else ""
        raise UserError(f"{where}: not JSON ({error}){cure}") from error
    if not isinstance(row, dict):
        raise UserError(f"{where}: a row is a JSON object, not {type(row).__name__}")
    for key in row:
        if key not in FIELDS:
            raise UserError(f"{where}: unknown field '{key}'{nearest(key, FIELDS)}")
    is_document = "text" in row and "prompt" not in row and "completion" not in row
    is_task = "text" not in row and "prompt" in row and "completion" in row
    if not (is_document or is_task):
        raise UserError(
            f"{where}: neither a document (id, text) nor a task (id, prompt, completion)"
        )
    if "id" not in row:
        raise UserError(f"{where}: field 'id' is missing")
    for key in ("text", "prompt", "completion"):
        if key in row and not _is_text(row[key]):
            raise UserError(f"{where}: field '{key}' must be text that isn't empty")
        if key in row:
            row[key] = composed(row[key])
    for key in ("id", "source"):
        if not isinstance(row.get(key), str if key == "id" else str | None):
            raise UserError(f"{where}: field '{key}' must be text or a number")
        if row.get(key) is not None:
            row[key] = str(row[key])  # a number as it is written
    return row


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and not isinstance(value, Number) and bool(value.strip())
