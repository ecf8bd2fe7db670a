"""The memory map by what a row says, for trainers that shuffle, pad and pack rows as they like."""

from collections.abc import Iterable, Sequence

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from core.corpus.packing import unpack
from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.memory_map import MemoryMap
from core.signal.signal import THRESHOLD, MemorySlice, TopK

Ids = Sequence[int] | np.ndarray | Tensor


class RowMemory:
    """Scores of rows, found by the rows' tokens in whatever batch they turn up.

    Each distinct text is scored once, as in the map. The rows of a batch are told apart by `position_ids`,
    which begin at 0 with each.
    """

    def __init__(self) -> None:
        self._scores: dict[bytes, tuple[Tensor, int]] = {}  # score (T,), first row of the reference
        self._reference: TopK | None = None

    @classmethod
    def of_map(cls, sequences: Dataset, memory_map: MemoryMap) -> "RowMemory":
        """Take the scores of a map of these packed sequences, or of the first of them."""
        memory, num_sequences = cls(), len(memory_map.score_ST)
        memory._reference = memory_map.reference
        part = sequences.select(range(num_sequences))
        text_ST = torch.from_numpy(np.asarray(part.with_format("numpy")["row"]) >= 0)
        score_M, before = memory_map.score_ST[text_ST], 0
        at = 0
        for row in unpack(part)["input_ids"]:
            score_T = score_M[at : at + len(row)]
            memory._scores.setdefault(_key(row), (score_T, before))
            before += int((score_T >= THRESHOLD).sum())
            at += len(row)
        return memory

    @classmethod
    def of_scores(cls, rows: Iterable[tuple[Ids, Ids]]) -> "RowMemory":
        """Scores from elsewhere: of each row its token ids (T,), and as many scores from 0 to 1.

        From 0.5 on a token counts as memory. There is no reference distribution then. Raises UserError for
        scores that don't fit their row.
        """
        memory = cls()
        for number, (ids, scores) in enumerate(rows):
            score_T = torch.as_tensor(np.asarray(scores), dtype=torch.float32)
            if score_T.shape != (len(ids),):
                raise UserError(
                    f"row {number} has {len(ids)} tokens and scores of {score_T.numel()}"
                )
            if not ((score_T >= 0) & (score_T <= 1)).all():
                raise UserError(f"row {number} has scores outside 0 to 1")
            memory._scores[_key(ids)] = (score_T, 0)
        return memory

    @property
    def has_reference(self) -> bool:
        """Whether it holds what a model that never saw the text would say at the flagged tokens."""
        return self._reference is not None and self._reference.indices_NK.shape[-1] > 0

    def at(self, batch: dict[str, Tensor]) -> MemorySlice:
        """The map at a batch of `input_ids`, `position_ids` and `labels`, each (B, T).

        Raises UserError for a taught row that has no scores.
        """
        labels_BT = batch["labels"].cpu()
        taught_BT = labels_BT != IGNORED
        taught_BT[:, 0] = False
        score_BT = torch.zeros(labels_BT.shape)
        place_BT = torch.zeros(labels_BT.shape, dtype=torch.long)  # in the reference
        for b, (ids_T, positions_T) in enumerate(
            zip(batch["input_ids"].cpu(), batch["position_ids"].cpu(), strict=True)
        ):
            starts = [0, *(positions_T[1:] == 0).nonzero()[:, 0].add(1).tolist()]
            for start, end in zip(starts, [*starts[1:], len(ids_T)], strict=True):
                if taught_BT[b, start:end].any():
                    score_T, first = self._known(ids_T[start:end])
                    score_BT[b, start:end] = score_T
                    place_BT[b, start:end] = first + (score_T >= THRESHOLD).cumsum(0) - 1
        score_BT = torch.where(taught_BT, score_BT, 0.0)
        score_N = score_BT[taught_BT]
        flagged_N = score_N >= THRESHOLD
        device = batch["labels"].device
        reference = self._reference_at(place_BT[taught_BT][flagged_N]).to(device)
        return MemorySlice(score_N.to(device), flagged_N.to(device), reference, score_BT.to(device))

    def _known(self, ids_T: Tensor) -> tuple[Tensor, int]:
        found = self._scores.get(_key(ids_T))
        if found is None:
            raise UserError(
                f"no memory scores for a row of {len(ids_T)} tokens that begins {ids_T[:8].tolist()}: "
                "score the rows that are trained on, tokenized alike and as long"
            )
        return found

    def _reference_at(self, places_M: Tensor) -> TopK:
        if self._reference is not None:
            return self._reference[places_M]
        none = torch.zeros(len(places_M), 0)  # all that there is is spread evenly
        return TopK(none.long(), none, torch.zeros(len(places_M)))


def _key(ids: Ids) -> bytes:
    return np.asarray(ids, dtype=np.int32).tobytes()
