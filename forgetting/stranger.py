"""The student reads a text, its teacher the same text about strangers."""

import random

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from core.models.taught import IGNORED
from core.runs.console import console
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer
from forgetting.token_names import Mention, Spellings, TokenNames

LEAST = 1e-12  # probability of what was moved away, so that its logarithm is finite


class Stranger(Regularizer):
    """Teach what the teacher says of the same text with other names in it, mapped back.

    Let ρ rename the names of a row at random, and ρ⁻¹ put the old ones back where the teacher copies from
    its context. The student reads x, the teacher reads ρ(x), and the student is taught ρ⁻¹ of what it says:
    on average over renamings the teacher's equivariant part, which is all that it can work out and nothing
    that it knows of a name (docs/pretrained.md). Names are swapped for others of as many tokens, so that
    positions stay; one that hasn't been mentioned before isn't mapped back, for there the text alone would
    tell it. Behind a renamed name the text's own token isn't taught as a label either.

    `strength` is the share of rows that the teacher reads so. Needs no map, no reference and no further
    pass; from a cache the student learns several renamings of each sequence, drawn when that was made.
    """

    def __init__(
        self, *, strength: float = 1.0, names: str = "capitalized", candidates: str = "any"
    ):
        super().__init__(strength=strength)
        self.names, self.candidates = names, candidates
        self._moves: tuple[Tensor, Tensor, Tensor] | None = None
        self._counts = {"renamed": 0, "names": 0}

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Find the names; raises UserError for a kind of names or candidates that there isn't."""
        self._names = TokenNames.of_corpus(sequences, tokenizer, self.names, self.candidates)
        if self._names.kind != self.names:
            console.print("stranger: capitals mark no names here, so its free symbols are renamed")
        if self._names.num_names < 2:
            console.print(
                "stranger: the corpus has no names that could stand for each other, so nothing is forgotten",
                style="yellow",
            )

    def edit_teacher_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Rename what the teacher reads, and note what is to be mapped back."""
        self._moves = None
        if self.strength == 0:
            return batch
        rng = random.Random(int(torch.randint(2**62, (), generator=generator)))
        ids_BT = batch["input_ids"].cpu().numpy()
        positions_BT = batch["position_ids"].cpu().numpy()
        new_BT, behind_BT = ids_BT.copy(), np.zeros(ids_BT.shape, dtype=bool)
        moves: list[tuple[int, int, int]] = []  # place in the batch, token said, token meant
        width = ids_BT.shape[1]
        for b, (ids_T, positions_T) in enumerate(zip(ids_BT, positions_BT, strict=True)):
            starts = np.flatnonzero(positions_T == 0)
            for start, stop in zip(starts, [*starts[1:], width], strict=True):
                if stop - start < 2 or rng.random() >= self.strength:
                    continue
                row = ids_T[start:stop]
                mentions, drawn = self._names.of(row), self._names.draw(row, rng)
                self._counts["names"] += len({mention.name for mention in mentions})
                self._counts["renamed"] += len(drawn)
                mentions = [mention for mention in mentions if mention.name in drawn]
                if not mentions:
                    continue
                behind_BT[b, start + mentions[0].start : stop] = True
                for mention in mentions:
                    part = slice(start + mention.start, start + mention.end)
                    new_BT[b, part] = drawn[mention.name][mention.behind_space]
                at = b * width + int(start)
                moves += [(at + t, said, meant) for t, said, meant in _moves(row, mentions, drawn)]
        taught_BT = (batch["labels"] != IGNORED).cpu().numpy()
        taught_BT[:, 0] = False
        number = np.cumsum(taught_BT.ravel()) - 1  # of each taught token, among these
        kept = [
            (number[t], said, meant)
            for t, said, meant in moves
            if taught_BT.flat[t] and said != meant
        ]
        found = np.array(sorted(set(kept)), dtype=np.int64).reshape(-1, 3)
        device = batch["input_ids"].device
        self._behind_N = torch.from_numpy(behind_BT[taught_BT]).to(device)
        place_K, said_K, meant_K = torch.from_numpy(found).to(device).T
        self._moves = (place_K, said_K, meant_K)
        new = torch.from_numpy(new_BT).to(batch["input_ids"])
        return {**batch, "input_ids": new}

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Map the new names back, and silence the labels behind them."""
        if self._moves is None:
            return signal
        place_K, said_K, meant_K = self._moves
        label_weight_N = signal.label_weight_N.masked_fill(self._behind_N, 0.0)
        if signal.target is None or not len(place_K):
            return signal.with_(label_weight_N=label_weight_N)
        where_N = torch.zeros_like(self._behind_N)
        where_N[place_K] = True
        rank_K = (where_N.cumsum(0) - 1)[place_K]  # which of the edited tokens

        def edit(logprobs_mV: Tensor, part: slice) -> Tensor:
            own = (rank_K >= part.start) & (rank_K < part.stop)
            at, said, meant = rank_K[own] - part.start, said_K[own], meant_K[own]
            share_mV = logprobs_mV.exp()
            moved = share_mV[at, said]
            share_mV[at, said] = 0.0
            share_mV.index_put_((at, meant), moved, accumulate=True)
            return share_mV.clamp(min=LEAST).log()

        return signal.with_(
            target=signal.target.edited(where_N, edit), label_weight_N=label_weight_N
        )

    def metrics(self) -> dict[str, float]:
        """The share of the names met that another one stood for."""
        counts, self._counts = self._counts, {"renamed": 0, "names": 0}
        return {"names_renamed": counts["renamed"] / counts["names"]} if counts["names"] else {}


def _moves(
    row: np.ndarray, mentions: list[Mention], drawn: dict[str, Spellings]
) -> list[tuple[int, int, int]]:
    """(place in the row, token said, token meant) for all that is to be mapped back in it.

    The first token of each name that has been mentioned, wherever it could come again, and inside of each
    mention the token that comes next.
    """
    found = []
    old = {(m.name, m.behind_space): row[m.start : m.end].tolist() for m in mentions}
    known: dict[int, int] = {}  # the first token of a new name -> of the old one
    at = 0
    for mention in mentions:
        found += [
            (t, said, meant) for t in range(at, mention.start + 1) for said, meant in known.items()
        ]
        new = drawn[mention.name][mention.behind_space]
        spelled = old[mention.name, mention.behind_space]
        inner = zip(range(mention.start, mention.end), new, spelled, strict=True)
        found += [(t, said, meant) for t, said, meant in inner if t > mention.start]
        at = mention.start + 1
        for (name, behind_space), ids in old.items():
            if name == mention.name:
                known[drawn[name][behind_space][0]] = ids[0]
    found += [(t, said, meant) for t in range(at, len(row)) for said, meant in known.items()]
    return found
