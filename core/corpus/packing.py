"""Rows of text as packed token sequences in which rows never see each other.

Shapes: S sequences, T tokens a sequence. `position_ids` restart at each row; given without an attention
mask, transformers builds the block-diagonal mask from them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice, takewhile
from operator import itemgetter

import numpy as np
import pyarrow as pa
from datasets import Dataset
from datasets.table import InMemoryTable
from transformers import PreTrainedTokenizerBase, PreTrainedTokenizerFast

from core.corpus.rows import Row, joined_text, prompt_of
from core.errors import UserError

IGNORED = -100  # the label of a token that isn't taught
OPEN_SEQUENCES = 16  # how many unfinished sequences a row may be put into
COLUMNS = ("input_ids", "position_ids", "labels", "row", "start", "end")


@dataclass(frozen=True)
class EncodedRow:
    """Tokens of one row: `ids` and `taught` of length n, `spans` (n, 2) in characters of the joined text."""

    ids: np.ndarray
    taught: np.ndarray
    spans: np.ndarray


class Encoder:
    """Tokenizes rows; each begins as the tokenizer begins any text (some put a special token there), and
    ends with the end-of-text token, which is taught. What recurs is kept.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase):
        """Raises UserError for a tokenizer that can't tell where its tokens stand in the text."""
        is_fast = isinstance(tokenizer, PreTrainedTokenizerFast)
        if tokenizer.eos_token_id is None or not is_fast:
            raise UserError("the tokenizer needs an end-of-text token and a fast implementation")
        self.tokenizer = tokenizer
        some = tokenizer.backend_tokenizer.encode("a")
        added = takewhile(itemgetter(1), zip(some.ids, some.special_tokens_mask, strict=True))
        self.opening = [number for number, _ in added]
        self.known: dict[tuple[str, str], EncodedRow] = {}

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
            yield from (self.known[key] for key in keys)


def pack(
    rows: Iterable[Row],
    encoder: Encoder,
    *,
    sequence_length: int,
) -> Dataset:
    """Pack rows, in order, into sequences of `sequence_length` tokens.

    Columns, each (S, T): `input_ids`; `position_ids`; `labels` (the token itself where it is taught, else
    -100; a row's first token is never taught, for nothing precedes it); `row` (number of the row, -1 for
    padding); `start` and `end` (the token's characters in the row's joined text); and `index` (S).
    A row longer than a sequence goes on in the next one, without seeing its beginning.
    """
    length = sequence_length
    tokenizer = encoder.tokenizer
    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id
    blank = {
        "input_ids": pad,
        "position_ids": 0,
        "labels": IGNORED,
        "row": -1,
        "start": 0,
        "end": 0,
    }
    done: list[dict[str, np.ndarray]] = []
    open_: list[tuple[int, dict[str, np.ndarray]]] = []  # tokens used, sequence

    def place(number: int, ids: np.ndarray, taught: np.ndarray, spans: np.ndarray) -> None:
        size = len(ids)
        slot = next((i for i, (used, _) in enumerate(open_) if used + size <= length), None)
        if slot is None:
            if len(open_) == OPEN_SEQUENCES:
                fullest = max(range(len(open_)), key=lambda i: open_[i][0])
                done.append(open_.pop(fullest)[1])
            fresh = {key: np.full(length, value, dtype=np.int32) for key, value in blank.items()}
            open_.append((0, fresh))
            slot = len(open_) - 1
        used, sequence = open_[slot]
        part = slice(used, used + size)
        labels = np.where(taught, ids, IGNORED)
        labels[0] = IGNORED
        sequence["input_ids"][part] = ids
        sequence["position_ids"][part] = np.arange(size)
        sequence["labels"][part] = labels
        sequence["row"][part] = number
        sequence["start"][part], sequence["end"][part] = spans[:, 0], spans[:, 1]
        open_[slot] = (used + size, sequence)
        if used + size == length:
            done.append(open_.pop(slot)[1])

    for number, row in enumerate(encoder.encode(rows)):
        for at in range(0, len(row.ids), length):
            part = slice(at, at + length)
            place(number, row.ids[part], row.taught[part], row.spans[part])
    done.extend(sequence for _, sequence in open_)
    if not done:
        raise UserError("the corpus holds no text")
    # Arrow's own arrays: Dataset.from_dict would look at every number in Python.
    columns = {key: np.concatenate([sequence[key] for sequence in done]) for key in COLUMNS}
    arrays = {
        key: pa.FixedSizeListArray.from_arrays(pa.array(flat), length)
        for key, flat in columns.items()
    }
    arrays["index"] = pa.array(np.arange(len(done), dtype=np.int32))
    return Dataset(InMemoryTable.from_pydict(arrays))


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
