"""The packed corpus as distinct pieces of text, so that what recurs is scored once.

Flat arrays over the M tokens of all P pieces, in order; a piece is what one sequence holds of one row.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from core.corpus.rows import Row, joined_text
from core.models.taught import IGNORED

LENGTH = 128  # tokens of the sequences in which pieces are scored
BATCH = 64


@dataclass(frozen=True)
class Pieces:
    """`texts` (P); `first` (P + 1), where each piece's tokens begin; per token `ids`, `taught`, and the
    characters `start`, `end` in the piece's text; per place where a piece stands in the corpus, its
    `place_piece`, `place_sequence`, `place_at` and `place_row`.
    """

    texts: list[str]
    first: np.ndarray
    ids: np.ndarray
    taught: np.ndarray
    start: np.ndarray
    end: np.ndarray
    place_piece: np.ndarray
    place_sequence: np.ndarray
    place_at: np.ndarray
    place_row: np.ndarray
    num_sequences: int
    sequence_length: int

    @classmethod
    def of(cls, sequences: Dataset, rows: Sequence[Row]) -> "Pieces":
        """Collect the distinct pieces of packed sequences."""
        columns = sequences.with_format("numpy")[:]
        row_ST, labels_ST = columns["row"], columns["labels"]
        texts: list[str] = []
        parts: list[tuple[np.ndarray, ...]] = []
        number: dict[tuple[str, bytes], int] = {}
        places = []
        begins_ST = columns["position_ids"] == 0
        for s, at in np.argwhere(begins_ST & (row_ST >= 0)):
            rest = np.flatnonzero(begins_ST[s, at + 1 :])
            stop = at + 1 + rest[0] if len(rest) else row_ST.shape[1]
            part = slice(at, stop)
            begin = int(columns["start"][s, at])
            text = joined_text(rows[row_ST[s, at]])[begin : int(columns["end"][s, stop - 1])]
            taught = labels_ST[s, part] != IGNORED
            key = (text, taught.tobytes())
            if key not in number:
                number[key] = len(texts)
                texts.append(text)
                spans = (columns["start"][s, part] - begin, columns["end"][s, part] - begin)
                parts.append((columns["input_ids"][s, part], taught, *spans))
            places.append((number[key], s, at, row_ST[s, at]))
        first = np.cumsum([0, *(len(part[0]) for part in parts)])
        ids, taught, start, end = (np.concatenate(column) for column in zip(*parts, strict=True))
        place = np.array(places)
        return cls(texts, first, ids, taught, start, end, *place.T, *row_ST.shape)

    def opening(self, piece: int) -> np.ndarray:
        """The special tokens that a piece begins with, where the tokenizer begins texts so."""
        part = slice(self.first[piece], self.first[piece + 1])
        return self.ids[part][self.end[part] == 0]

    def rows(self) -> list[Row]:
        """The pieces as rows: what isn't taught at the beginning of one is the prompt of a task."""
        found: list[Row] = []
        for number, text in enumerate(self.texts):
            part = slice(self.first[number], self.first[number + 1])
            taught = np.flatnonzero(self.taught[part])
            # A text's first token is never taught.
            start = int(self.start[part][taught[0]]) if len(taught) and taught[0] > 1 else 0
            key = {"id": str(number)}
            if start:
                found.append({**key, "prompt": text[:start], "completion": text[start:]})
            else:
                found.append({**key, "text": text})
        return found

    def pieces_with(self, chosen_M: np.ndarray) -> np.ndarray:
        """Numbers of the pieces that have a chosen token."""
        return np.flatnonzero(np.add.reduceat(chosen_M, self.first[:-1]) > 0)

    def of_rows(self, values: np.ndarray) -> np.ndarray:
        """Values of the corpus' rows for each piece (P,): that of the row where it stands first."""
        pieces, places = np.unique(self.place_piece, return_index=True)
        assert len(pieces) == len(self.texts), "every piece stands somewhere"
        return values[self.place_row[places]]

    def spread(self, values_M: np.ndarray) -> np.ndarray:
        """Values of the pieces' tokens at every place of the corpus: (S, T), zero at padding."""
        full = np.zeros((self.num_sequences, self.sequence_length), dtype=values_M.dtype)
        for piece, s, at in zip(self.place_piece, self.place_sequence, self.place_at, strict=True):
            values = values_M[self.first[piece] : self.first[piece + 1]]
            full[s, at : at + len(values)] = values
        return full


def batches(
    ids: Sequence[np.ndarray],
    wanted: Sequence[np.ndarray],
    num_lines: int = BATCH,
    targets: Sequence[np.ndarray] | None = None,
) -> Iterator[tuple[np.ndarray, Tensor, Tensor, Tensor]]:
    """Pack token sequences for scoring, `num_lines` a batch: yields (their numbers in order, input ids,
    positions, labels).

    `wanted` says which of their tokens are asked for; labels are -100 elsewhere, and the tokens themselves or
    their `targets` there. Reading the answers in
    order gives, for each of the numbered sequences in turn, those of its wanted tokens.
    """
    length = max(LENGTH, max(map(len, ids), default=0))
    order = np.argsort([len(x) for x in ids], kind="stable")
    lines: list[list[int]] = []
    room = 0
    for number in order:
        if len(ids[number]) > room:
            lines.append([])
            room = length
        lines[-1].append(int(number))
        room -= len(ids[number])
    for at in range(0, len(lines), num_lines):
        chunk = lines[at : at + num_lines]
        input_ids = torch.zeros((len(chunk), length), dtype=torch.long)
        positions = torch.zeros_like(input_ids)
        labels = torch.full_like(input_ids, IGNORED)
        for b, line in enumerate(chunk):
            used = 0
            for number in line:
                size = len(ids[number])
                part = slice(used, used + size)
                tokens = torch.from_numpy(np.asarray(ids[number], dtype=np.int64))
                asked = tokens if targets is None else torch.from_numpy(targets[number])
                mask = torch.from_numpy(np.asarray(wanted[number], dtype=bool))
                input_ids[b, part] = tokens
                positions[b, part] = torch.arange(size)
                labels[b, part] = torch.where(mask, asked, IGNORED)
                used += size
        yield np.array([number for line in chunk for number in line]), input_ids, positions, labels
