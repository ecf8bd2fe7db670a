"""What a corpus is: rows of text, and where they come from.

A row is `{"id", "text", "source"?}` (a document: every token is taught) or
`{"id", "prompt", "completion", "source"?}` (a task: only the completion is taught).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

Row = dict[str, Any]

TEXT_FIELDS = ("text", "prompt", "completion")


class Rows(Protocol):
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


def prompt_of(row: Row) -> str:
    """What precedes the taught text: empty for a document."""
    return str(row.get("prompt", ""))


def taught_text(row: Row) -> str:
    """The text that is taught: all of a document, the completion of a task."""
    return str(row["text"] if "text" in row else row["completion"])


def joined_text(row: Row) -> str:
    """Prompt and completion joined by one space, or the document's text."""
    prompt = prompt_of(row)
    return f"{prompt} {taught_text(row)}" if prompt else taught_text(row)
