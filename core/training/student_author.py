"""Batches that the student writes: its own solutions to the tasks of a batch, to be graded token by token.

Shapes: B sequences, T tokens.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.rollout import write_on
from core.models.taught import IGNORED
from core.signal.signal import Memory

WORTH = "worth"  # in a batch that was written: how much each token counts (B, T)
LEAST_SPREAD = 1e-6  # of a group's rewards; those that are all alike teach nothing


class Reward(Protocol):
    """Judges a whole solution from 0 to 1."""

    def __call__(self, prompt: Sequence[int], written: Sequence[int]) -> float:
        """The reward of what was written behind a prompt; it may lack its end."""
        ...


@dataclass(frozen=True)
class StudentAuthor:
    """Lets the student write in a `share` of the batches.

    It continues the tasks' prompts up to one of `ends`, or to the sequence's length: what hasn't ended by
    then is cut. Without a `reward` all written tokens count alike, to be graded by a teacher. With one, each
    prompt is answered `group` times, and a token counts by its solution's advantage in the group (GRPO,
    arXiv 2402.03300, one step for each batch): the text as label times that is the policy gradient. `memory`
    is the memory map at what is written.
    """

    share: float
    ends: Collection[int]
    temperature: float = 1.0
    group: int = 1
    reward: Reward | None = None
    memory: Memory | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise UserError(f"distill.on_policy must lie between 0 and 1, not {self.share}")
        if self.reward is not None and self.group < 2:
            raise UserError(
                "outcome reward compares solutions of one problem: choose a group of 2 or more"
            )

    def edit(
        self, student: PreTrainedModel, batch: dict[str, Tensor], generator: torch.Generator
    ) -> dict[str, Tensor]:
        """The batch, or one of the same sequence length that the student wrote in its place.

        A batch without tasks stays as it is.
        """
        if float(torch.rand((), generator=generator)) >= self.share:
            return batch
        prompts = list(prompts_of(batch))
        if not prompts:
            return batch
        if self.group > 1:
            chosen = prompts[: max(1, len(prompts) // self.group)]
            prompts = [prompt for prompt in chosen for _ in range(self.group)]
        length = batch["input_ids"].shape[1]
        written = write_on(
            student,
            prompts,
            ends=self.ends,
            most=length - min(map(len, prompts)),
            generator=generator,
            temperature=self.temperature,
        )
        rows = [
            (prompt, ids[: length - len(prompt)])
            for prompt, ids in zip(prompts, written, strict=True)
        ]
        worths = self._worths(rows)
        return _packed(rows, worths, batch)

    def _worths(self, rows: Sequence[tuple[list[int], list[int]]]) -> list[float]:
        if self.reward is None:
            return [1.0] * len(rows)
        rewards = torch.tensor([self.reward(*row) for row in rows]).view(-1, self.group)
        spread = rewards.std(1, correction=0, keepdim=True)
        worths = (rewards - rewards.mean(1, keepdim=True)) / spread.clamp(min=LEAST_SPREAD)
        found: list[float] = worths.flatten().tolist()
        return found


def prompts_of(batch: dict[str, Tensor]) -> Iterator[list[int]]:
    """The prompts of the tasks in a packed batch: of each row what precedes its first taught token.

    A document has none, for of it only the first token isn't taught.
    """
    columns = (batch[name].tolist() for name in ("input_ids", "position_ids", "labels"))
    for ids, positions, labels in zip(*columns, strict=True):
        starts = [t for t, position in enumerate(positions) if position == 0]
        for start, stop in zip(starts, [*starts[1:], len(ids)], strict=True):
            first = next((t for t in range(start, stop) if labels[t] != IGNORED), start)
            if first - start > 1 and positions[first] == first - start:
                yield ids[start:first]


def _packed(
    rows: Sequence[tuple[list[int], list[int]]], worths: Sequence[float], like: dict[str, Tensor]
) -> dict[str, Tensor]:
    """Rows of prompt and written tokens in sequences as long as those of `like`, a multiple of as many.

    First fit, the longest first. So few shapes come up that products compiled for their shape are found
    again.
    """
    count, length = like["input_ids"].shape
    places: list[tuple[int, int, int]] = []  # row, sequence, where it starts
    used: list[int] = []
    for number in sorted(range(len(rows)), key=lambda n: -len(rows[n][0]) - len(rows[n][1])):
        size = sum(map(len, rows[number]))
        home = next((s for s, taken in enumerate(used) if taken + size <= length), len(used))
        if home == len(used):
            used.append(0)
        places.append((number, home, used[home]))
        used[home] += size
    shape = (-(-len(used) // count) * count, length)
    any_id = rows[0][0][0]  # for padding, since it isn't taught
    ids_BT, labels_BT = torch.full(shape, any_id), torch.full(shape, IGNORED)
    positions_BT, worth_BT = torch.zeros(shape, dtype=torch.long), torch.zeros(shape)
    for number, home, start in places:
        prompt, written = rows[number]
        middle, stop = start + len(prompt), start + len(prompt) + len(written)
        ids_BT[home, start:stop] = torch.tensor([*prompt, *written])
        positions_BT[home, start:stop] = torch.arange(stop - start)
        labels_BT[home, middle:stop] = ids_BT[home, middle:stop]
        worth_BT[home, middle:stop] = worths[number]
    made = {"input_ids": ids_BT, "position_ids": positions_BT, "labels": labels_BT}
    return {n: t.to(like["input_ids"].device) for n, t in {**made, WORTH: worth_BT}.items()}
