"""What nights have put into a run's store, by their records: a store that is made anew still has it."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from core.runs.artifacts import MARK, read_json
from core.store.write import StoredDocument

RECORDS = "nights*/*/night.json"  # in a run; `nights_<arm>` are those of another arm than the core


def documents_of(record: Mapping[str, Any], number: int) -> list[StoredDocument]:
    """The documents of one night, by its record. Days are written apart, so an id may be another's too."""
    return [
        StoredDocument(
            one["id"],
            one["text"],
            None,
            [tuple(span) for span in one["spans"]],
            apart=f"night-{number}",
        )
        for one in record["stored"]
    ]


def documents_of_nights(run: Path, kept: Collection[str] | None) -> Iterator[StoredDocument]:
    """Those of every night that is over, in order; of them only those whose text is in `kept`.

    `kept` are the texts of the store there was, since it may have forgotten some; None: there was none.
    """
    records = [path for path in run.glob(RECORDS) if (path.parent / MARK).exists()]
    numbers = {path: int(path.parent.name) for path in records if path.parent.name.isdecimal()}
    for path in sorted(numbers, key=lambda path: (path.parent.parent.name, numbers[path])):
        for document in documents_of(read_json(path), numbers[path]):
            if kept is None or document.text in kept:
                yield document
