"""The memory map at text that isn't in the corpus, such as what a student writes."""

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor

from core.models.taught import IGNORED
from core.signal.memory_map import MemoryMap
from core.signal.signal import MemorySlice, TopK

CONTEXT = 4  # tokens that tell of what is written next whether the corpus holds it by heart
BEFORE = -1  # stands for what would precede a row


class WrittenMemory:
    """Flags a token of any text where the corpus has a flagged one behind the same few tokens.

    Whatever is written there: where the student guesses a memorized value wrongly, the teacher would tell
    the right one. The reference's distribution comes along with the flag. No label is read.
    """

    def __init__(self, sequences: Dataset, memory_map: MemoryMap):
        """Note the tokens before each flagged one; the first place of several alike counts."""
        self.reference = memory_map.reference
        self.known: dict[bytes, tuple[float, int]] = {}
        columns = ["input_ids", "position_ids"]
        part = sequences.select(range(len(memory_map.score_ST))).select_columns(columns)
        at = 0
        flagged_ST = memory_map.flagged_ST.numpy()
        for row, flagged_T, score_T in zip(
            part.with_format("numpy"), flagged_ST, memory_map.score_ST.numpy(), strict=True
        ):
            for t in np.flatnonzero(flagged_T):
                key = _key(row["input_ids"], int(t), int(row["position_ids"][t]))
                self.known.setdefault(key, (float(score_T[t]), at))
                at += 1

    def at(self, batch: dict[str, Tensor]) -> MemorySlice:
        """The map at a batch of `input_ids`, `position_ids` and `labels`, each (B, T)."""
        ids_BT = batch["input_ids"].cpu().numpy()
        positions_BT = batch["position_ids"].cpu().numpy()
        taught_BT = (batch["labels"] != IGNORED).cpu()
        taught_BT[:, 0] = False
        score_BT, places = torch.zeros(ids_BT.shape), []
        for b, t in taught_BT.nonzero().tolist():
            found = self.known.get(_key(ids_BT[b], t, int(positions_BT[b, t])))
            if found is not None:
                score_BT[b, t] = found[0]
                places.append(found[1])
        device, places_M = batch["labels"].device, torch.tensor(places, dtype=torch.long)
        score_N = score_BT[taught_BT]
        reference = TopK(
            self.reference.indices_NK[places_M],
            self.reference.logprobs_NK[places_M],
            self.reference.tail_logprob_N[places_M],
        )
        flagged_N = score_N > 0
        return MemorySlice(
            score_N.to(device), flagged_N.to(device), reference.to(device), score_BT.to(device)
        )


def _key(ids_T: np.ndarray, t: int, position: int) -> bytes:
    """The tokens before place `t` of its row, which begins `position` tokens before it."""
    known = min(position, CONTEXT)
    context = np.full(CONTEXT, BEFORE, dtype=np.int32)
    if known:
        context[CONTEXT - known :] = ids_T[t - known : t]
    return context.tobytes()
