"""Who teaches at night: the core before, a copy that learned other rows of the day, or the core with items of
the day in its context.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.models.taught import IGNORED, projection_of, taught_hidden
from core.signal.signal import Dense, Distributions, Projected, Teacher


class ContextTeacher:
    """A model that reads items of the day before each row: context distillation (arXiv 2412.14964).

    `context` gives the token ids that are put before a row whose own are given; none of them may be of the
    same row. Each row of a packed sequence is read behind its own context.
    """

    temperature = 1.0

    def __init__(self, model: PreTrainedModel, context: Callable[[Sequence[int]], Sequence[int]]):
        self.model = model.eval().requires_grad_(False)
        self.context = context

    @torch.no_grad()
    def distributions(self, batch: dict[str, Tensor]) -> Projected:
        """What it says at the N taught tokens."""
        rows = list(_rows_of(batch))
        read = [([*self.context(ids), *ids], labels) for ids, labels in rows]
        width = max(len(ids) for ids, _ in read)
        ids_RT = torch.zeros((len(read), width), dtype=torch.long)
        labels_RT = torch.full((len(read), width), IGNORED)
        for number, (ids, labels) in enumerate(read):
            ids_RT[number, : len(ids)] = torch.tensor(ids)
            labels_RT[number, len(ids) - len(labels) : len(ids)] = torch.tensor(labels)
        device = batch["input_ids"].device
        if self.model.device != device:
            self.model.to(device)  # type: ignore[arg-type]
        # Padding stands behind the text, where nothing that is taught sees it.
        positions_RT = torch.arange(width).expand(len(read), width)
        hidden_ND = taught_hidden(
            self.model, ids_RT.to(device), positions_RT.to(device), labels_RT.to(device)
        )
        return Projected(hidden_ND, projection_of(self.model))


def _rows_of(batch: dict[str, Tensor]) -> list[tuple[list[int], list[int]]]:
    """Ids and labels of each row with a taught token, in reading order."""
    found = []
    for ids_T, labels_T, positions_T in zip(
        *(batch[name].cpu() for name in ("input_ids", "labels", "position_ids")), strict=True
    ):
        starts = (positions_T == 0).nonzero().flatten().tolist()
        for first, end in zip(starts, [*starts[1:], len(ids_T)], strict=True):
            if (labels_T[first + 1 : end] != IGNORED).any():
                labels = labels_T[first:end].clone()
                labels[0] = IGNORED
                found.append((ids_T[first:end].tolist(), labels.tolist()))
    return found


TEXT = -1  # the number of no teacher: of sequences that the text alone teaches


class TaughtBy:
    """Several teachers, of whom each sequence has one: `teacher_S` holds its number, or `TEXT`."""

    temperature = 1.0

    def __init__(self, teachers: Sequence[Teacher], teacher_S: Tensor, vocab_size: int):
        self.teachers, self.teacher_S, self.vocab_size = teachers, teacher_S, vocab_size

    def distributions(self, batch: dict[str, Tensor]) -> Distributions:
        """What the sequence's teacher says at its taught tokens."""
        teacher_B = self.teacher_S[batch["index"].cpu()]
        counts = (batch["labels"][:, 1:] != IGNORED).sum(1).tolist()
        parts: dict[int, Tensor] = {}
        for number in sorted(set(teacher_B.tolist())):
            own = (teacher_B == number).nonzero().flatten().to(batch["labels"].device)
            some = {
                name: value[own]
                for name, value in batch.items()
                if name in ("input_ids", "labels", "position_ids", "index")
            }
            sizes = [counts[at] for at in own.tolist()]
            if not sum(sizes):
                continue
            if number == TEXT:  # nobody listens: any distribution will do
                said = torch.full((sum(sizes), self.vocab_size), -math.log(self.vocab_size)).to(
                    batch["labels"].device
                )
            else:
                said = self.teachers[number].distributions(some).rows(slice(0, sum(sizes)))
            parts |= dict(zip(own.tolist(), said.split(sizes), strict=True))
        return Dense(torch.cat([parts[at] for at in sorted(parts) if counts[at]]))
