"""Rows of text as packed token sequences in which rows never see each other.

Shapes: S sequences, T tokens a sequence. `position_ids` restart at each row; given without an attention
mask, transformers builds the block-diagonal mask from them.
"""

import hashlib
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from datasets import Dataset
from datasets.table import InMemoryTable
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.corpus.rows import Row, joined_text, prompt_of
from core.errors import UserError
from core.models.taught import IGNORED
from core.models.tokens import opening_of
from core.runs.artifacts import read_json, write_json

OPEN_SEQUENCES = 16  # how many unfinished sequences a row may be put into
COLUMNS = ("input_ids", "position_ids", "labels", "row", "start", "end")
KEPT_TOKENS = 2**18  # of encoded rows, should they recur
TABLE_TOKENS = 2**17  # of the sequences that become an Arrow table together
FILE_TOKENS = 2**24  # in a file on disk: 400 MB


@dataclass(frozen=True)
class EncodedRow:
    """Tokens of one row: `ids` and `taught` of length n, `spans` (n, 2) in characters of the joined text."""

    ids: np.ndarray
    taught: np.ndarray
    spans: np.ndarray


class Encoder:
    """Tokenizes rows.

    A row begins as the tokenizer begins any text (some put a special token there), and ends with the
    end-of-text token, which is taught. Rows that were encoded lately are cached, since many recur.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        """Check the tokenizer. Raises UserError when it can't tell where its tokens stand in the text."""
        is_fast = isinstance(tokenizer, PreTrainedTokenizerFast)
        if tokenizer.eos_token_id is None or not is_fast:
            raise UserError("the tokenizer needs an end-of-text token and a fast implementation")
        self.tokenizer = tokenizer
        self.opening = opening_of(tokenizer)
        self.known: dict[tuple[str, str], EncodedRow] = {}
        self.known_tokens = 0

    def encode(self, rows: Iterable[Row]) -> Iterator[EncodedRow]:
        """The rows' tokens, in order."""
        rest = iter(rows)
        while batch := list(islice(rest, 1000)):
            keys = [(prompt_of(row), joined_text(row)) for row in batch]
            new = sorted({key for key in keys if key not in self.known})
            encoded = self.tokenizer.backend_tokenizer.encode_batch(
                [text for _, text in new], add_special_tokens=False
            )
            for (prompt, text), tokens in zip(new, encoded, strict=True):
                ids = [*self.opening, *tokens.ids, self.tokenizer.eos_token_id]
                spans = [*((0, 0) for _ in self.opening), *tokens.offsets, (len(text), len(text))]
                taught = np.array([end for _, end in spans]) > len(prompt)
                self.known[prompt, text] = EncodedRow(
                    np.array(ids, dtype=np.int32), taught, np.array(spans, dtype=np.int32)
                )
                self.known_tokens += len(ids)
            yield from [self.known[key] for key in keys]
            while self.known_tokens > KEPT_TOKENS:  # dictionaries keep the order of arrival
                self.known_tokens -= len(self.known.pop(next(iter(self.known))).ids)


def pack(rows: Iterable[Row], encoder: Encoder, *, sequence_length: int) -> Dataset:
    """Pack rows, in order, into sequences of `sequence_length` tokens, in memory.

    Columns, each (S, T): `input_ids`; `position_ids`; `labels` (the token itself where it is taught, else
    -100; a row's first token is never taught, for nothing precedes it); `row` (number of the row, -1 for
    padding); `start` and `end` (the token's characters in the row's joined text); and `index` (S).
    A row longer than a sequence goes on in the next one, without seeing its beginning.
    Raises UserError when there is no text.
    """
    tables = list(_tables(_sequences(rows, encoder, sequence_length), sequence_length))
    return Dataset(InMemoryTable(pa.concat_tables(tables).combine_chunks()))


def pack_to_disk(
    rows: Iterable[Row], encoder: Encoder, folder: Path, *, sequence_length: int
) -> None:
    """Write what `pack` makes into `folder`, for `datasets.load_from_disk`, a few sequences at a time."""
    shutil.rmtree(folder, ignore_errors=True)  # what a killed process left
    tables = _tables(_sequences(rows, encoder, sequence_length), sequence_length)
    per_file = max(FILE_TOKENS // TABLE_TOKENS, 1)
    written: list[Path] = []
    content = hashlib.sha256()
    while (first := next(tables, None)) is not None:
        if not written:
            # The library writes what it needs to know about them, here of no sequences.
            Dataset(InMemoryTable(first.schema.empty_table())).save_to_disk(folder)
        written.append(folder / f"data-{len(written):05d}.arrow")
        with pa.ipc.new_stream(written[-1], first.schema) as file:
            for table in chain([first], islice(tables, per_file - 1)):
                file.write_table(table)
                content.update(table["input_ids"].combine_chunks().flatten().to_numpy())
    state = read_json(folder / "state.json")
    for file in state["_data_files"]:
        (folder / file["filename"]).unlink()
    state["_data_files"] = [{"filename": path.name} for path in written]
    state["_fingerprint"] = content.hexdigest()[:16]
    write_json(folder / "state.json", state)


def _tables(sequences: Iterator[dict[str, np.ndarray]], length: int) -> Iterator[pa.Table]:
    """Make Arrow arrays of the columns: `Dataset.from_dict` would look at every number in Python."""
    first, at_once = 0, max(TABLE_TOKENS // length, 1)
    while chunk := list(islice(sequences, at_once)):
        arrays = {
            key: pa.FixedSizeListArray.from_arrays(
                pa.array(np.concatenate([sequence[key] for sequence in chunk])), length
            )
            for key in COLUMNS
        }
        arrays["index"] = pa.array(np.arange(first, first + len(chunk), dtype=np.int32))
        first += len(chunk)
        yield pa.table(arrays)
    if first == 0:
        raise UserError("the corpus holds no text")


def _sequences(
    rows: Iterable[Row], encoder: Encoder, length: int
) -> Iterator[dict[str, np.ndarray]]:
    """The columns' values (T,) of each sequence, as soon as nothing more is put into it."""
    blank = {
        # Any token will do, since it isn't taught; for the padding token, the model may have no row.
        "input_ids": encoder.tokenizer.eos_token_id,
        "position_ids": 0,
        "labels": IGNORED,
        "row": -1,
        "start": 0,
        "end": 0,
    }
    open_: list[tuple[int, dict[str, np.ndarray]]] = []  # tokens used, sequence
    for number, row in enumerate(encoder.encode(rows)):
        for at in range(0, len(row.ids), length):
            whole = slice(at, at + length)
            ids, spans = row.ids[whole], row.spans[whole]
            size = len(ids)
            slot = next((i for i, (used, _) in enumerate(open_) if used + size <= length), None)
            if slot is None:
                if len(open_) == OPEN_SEQUENCES:
                    fullest = max(range(len(open_)), key=lambda i: open_[i][0])
                    yield open_.pop(fullest)[1]
                fresh = {key: np.full(length, v, dtype=np.int32) for key, v in blank.items()}
                open_.append((0, fresh))
                slot = len(open_) - 1
            used, sequence = open_[slot]
            part = slice(used, used + size)
            labels = np.where(row.taught[whole], ids, IGNORED)
            labels[0] = IGNORED
            sequence["input_ids"][part] = ids
            sequence["position_ids"][part] = np.arange(size)
            sequence["labels"][part] = labels
            sequence["row"][part] = number
            sequence["start"][part], sequence["end"][part] = spans[:, 0], spans[:, 1]
            open_[slot] = (used + size, sequence)
            if used + size == length:
                yield open_.pop(slot)[1]
    yield from (sequence for _, sequence in open_)


def unpack(sequences: Dataset) -> Dataset:
    """The rows of packed sequences, in reading order, as `input_ids` and `labels` of each.

    What `pack` put apart stays apart: the parts of a row that was longer than a sequence are rows here.
    """
    ids_ST, labels_ST, positions_ST, row_ST = (
        np.asarray(sequences.with_format("numpy")[name])
        for name in ("input_ids", "labels", "position_ids", "row")
    )
    starts = np.flatnonzero(positions_ST.ravel() == 0)
    is_text = row_ST.ravel()[starts] >= 0  # not padding
    columns = {
        name: [
            row for row, text in zip(np.split(x.ravel(), starts[1:]), is_text, strict=True) if text
        ]
        for name, x in (("input_ids", ids_ST), ("labels", labels_ST))
    }
    return Dataset.from_dict(columns)
