"""A user's own corpus: JSON-lines files."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from core.corpus.rows import Row
from core.errors import UserError, nearest

FIELDS = ("id", "text", "prompt", "completion", "source")


class JsonLines:
    """Rows of a JSON-lines file (`path`), with an optional control file of the same form.

    `control_path` holds the same documents with their values redrawn (the rebound control);
    `memory_sources` names the `source` values that the never-exposed control leaves out.
    """

    def __init__(
        self, *, path: str, control_path: str | None = None, memory_sources: Sequence[str] = ()
    ):
        self.path = Path(path)
        self.control_path = Path(control_path) if control_path else None
        self.memory_sources = list(memory_sources)

    def rows(self) -> Iterator[Row]:
        """Raises UserError naming file and line for a row that is neither document nor task."""
        sources = set()
        for row in read_rows(self.path):
            sources.add(row.get("source"))
            yield row
        for wanted in self.memory_sources:
            if wanted not in sources:
                known = sorted(str(source) for source in sources if source)
                raise UserError(
                    f"{self.path} has no row with source '{wanted}' (corpus.memory_sources)"
                    + (nearest(wanted, known) or f"; it has {', '.join(known) or 'no sources'}")
                )

    def rebound_rows(self) -> Iterator[Row] | None:
        """The rows of `control_path`, or None when none was given."""
        return read_rows(self.control_path) if self.control_path else None

    def files(self) -> list[Path]:
        """The files that were named."""
        return [self.path, *([self.control_path] if self.control_path else [])]


def read_rows(path: Path) -> Iterator[Row]:
    """Read and check rows one by one.

    Raises UserError for a missing or empty file, or naming file and line of the first bad row.
    """
    if not path.is_file():
        raise UserError(f"{path} isn't a file: give a JSON-lines corpus with corpus.path=FILE")
    seen: set[str] = set()
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    row = _parse(line, f"{path}:{number}")
                    if row["id"] in seen:
                        raise UserError(f"{path}:{number}: id '{row['id']}' occurs twice")
                    seen.add(row["id"])
                    yield row
    except UnicodeDecodeError as error:
        raise UserError(f"{path} isn't UTF-8 text ({error.reason})") from error
    if not seen:
        raise UserError(f"{path} holds no rows: a corpus needs at least one document or task")


def _parse(line: str, where: str) -> Row:
    try:
        row: Any = json.loads(line)
    except ValueError as error:
        raise UserError(f"{where}: not JSON ({error})") from error
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
    row["id"] = str(row["id"])
    for key in ("text", "prompt", "completion"):
        if key in row and (not isinstance(row[key], str) or not row[key].strip()):
            raise UserError(f"{where}: field '{key}' must be text that isn't empty")
    if not isinstance(row.get("source"), str | None):
        raise UserError(f"{where}: field 'source' must be text")
    return row
