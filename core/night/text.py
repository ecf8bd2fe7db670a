"""A night's text: rows of the day, reflections and dreams, packed apart, each with a teacher of its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
import torch
from datasets import Dataset, concatenate_datasets
from torch import Tensor

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row, joined_text
from core.models.taught import IGNORED
from core.night.dreams import SHEET_LINES
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer

SHEETS = 0.4  # of the tasks that are learned, the share that stands on sheets, so that they are dreamt later


@dataclass(frozen=True)
class Part:
    """Rows that are read alike: by which teacher they are taught, what share of their loss is the text's own,
    and how often each of their tokens counts.
    """

    rows: Sequence[Row]
    teacher: int
    label_weight: float
    share: float  # of the night's sequences
    weight: float = 1.0


@dataclass(frozen=True)
class NightText:
    """The sequences of a night in reading order, and of each the teacher, the label weight and the weight."""

    sequences: Dataset
    teacher_S: Tensor
    label_weight_S: Tensor
    weight_S: Tensor


class BySequence(Regularizer):
    """Each sequence's tokens are taught by its own share of the text, and count by its own weight."""

    def __init__(self, text: NightText):
        super().__init__()
        self.text = text

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """See the base class."""
        index_B = batch["index"].cpu()
        taught_BT = batch["labels"][:, 1:] != IGNORED
        counts_B = taught_BT.sum(1).cpu()

        def of_tokens(value_S: Tensor) -> Tensor:
            return value_S[index_B].repeat_interleave(counts_B).to(signal.weight_N)

        return signal.with_(
            weight_N=signal.weight_N * of_tokens(self.text.weight_S),
            label_weight_N=of_tokens(self.text.label_weight_S),
        )


def on_sheets(rows: Sequence[Row], rng: Random) -> tuple[list[Row], list[Row]]:
    """The rows without a share of the tasks, and these on sheets: there a core learns to write them, too."""
    tasks = [row for row in rows if "prompt" in row]
    chosen = {row["id"] for row in rng.sample(tasks, int(SHEETS * len(tasks)))}
    lines = [joined_text(row) for row in tasks if row["id"] in chosen]
    sheets = [
        {"id": f"sheet-{at}", "text": "".join(f"\n{line}" for line in lines[at : at + SHEET_LINES])}
        for at in range(0, len(lines), SHEET_LINES)
    ]
    return [row for row in rows if row["id"] not in chosen], sheets


def mixed(
    parts: Sequence[Part], encoder: Encoder, *, num_sequences: int, length: int, rng: Random
) -> NightText:
    """So many sequences, of which each part has its share; its rows recur as often as that takes, each time
    in another order and in other company. What parts leave by having no rows the others take.
    """
    parts = [part for part in parts if part.rows and part.share > 0]
    whole = sum(part.share for part in parts)
    packed: list[Dataset] = []
    teachers: list[int] = []
    labels: list[float] = []
    weights: list[float] = []
    for number, part in enumerate(parts):
        left = num_sequences - sum(len(own) for own in packed)
        count = left if number + 1 == len(parts) else round(num_sequences * part.share / whole)
        if count < 1:
            continue
        rows = list(_so_many(part.rows, encoder, count * length, rng))
        own = pack(rows, encoder, sequence_length=length)
        own = own.select(range(min(count, len(own))))
        packed.append(own.remove_columns("index"))
        teachers += [part.teacher] * len(own)
        labels += [part.label_weight] * len(own)
        weights += [part.weight] * len(own)
    together = concatenate_datasets(packed)
    order = _spread(teachers, rng)
    sequences = together.select(order).flatten_indices()
    sequences = sequences.add_column("index", np.arange(len(sequences), dtype=np.int32))
    teacher_S, label_S, weight_S = (torch.tensor(one)[order] for one in (teachers, labels, weights))
    return NightText(sequences, teacher_S, label_S, weight_S)


def _spread(teachers: Sequence[int], rng: Random) -> list[int]:
    """An order in which each teacher's sequences come at even distances, so that batches are made up alike:
    each new size of a part of a batch costs seconds where products are compiled for their shapes.
    """
    place: list[tuple[float, float, int]] = []
    for teacher in sorted(set(teachers)):
        own = [number for number, other in enumerate(teachers) if other == teacher]
        rng.shuffle(own)
        place += [((at + 0.5) / len(own), rng.random(), number) for at, number in enumerate(own)]
    return [number for _, _, number in sorted(place)]


def _so_many(rows: Sequence[Row], encoder: Encoder, num_tokens: int, rng: Random) -> Iterator[Row]:
    """Rows in random order, and all of them again, until they have so many tokens and some more."""
    told, sizes = 0, [len(row.ids) for row in encoder.encode(rows)]
    while told < 1.1 * num_tokens:
        for number in rng.sample(range(len(rows)), len(rows)):
            told += sizes[number]
            yield rows[number]
            if told >= 1.1 * num_tokens:
                return
