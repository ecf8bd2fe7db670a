"""Memorized values are swapped for others of their kind, so that the student meets form without fact."""

from collections import Counter

import torch
from torch import Tensor

from core.models.taught import IGNORED
from core.signal.signal import MemorySlice, TeacherSignal, TopK
from core.training.regularizer import Batch, Regularizer


class Dream(Regularizer):
    """Let the student read a draw from the never-exposed reference where the text is memorized.

    Each distinct flagged token of a row (of a packed sequence) is dreamt with probability `strength`, drawn
    afresh each step. At its flagged places the student is taught the reference's distribution alone, for the
    fact can't be known; and another token stands for it all over the row in what the student reads. It is
    drawn from those that the reference keeps at its first flagged place, in proportion to their probability.

    A token that the row also teaches at a place that isn't flagged (a value told before and used again, or
    a common word) is read as it is: that place is taught as before, and has to fit what was read. A value of
    several tokens is dreamt token by token, each as the reference sees it after the true ones, so it may come
    out as a word that doesn't exist.
    """

    needs_memory_map = True
    needs_reference = True

    def __init__(self, *, strength: float = 1.0):
        super().__init__(strength=strength)
        self._dreamt_M: Tensor | None = None  # which of the batch's flagged tokens are dreamt
        self._tokens: Counter[int] = Counter()
        self._bigrams: set[tuple[int, int]] = set()

    def edit_batch(
        self, batch: Batch, memory: MemorySlice | None, generator: torch.Generator
    ) -> Batch:
        """Draw what is dreamt, and put it into `input_ids` (B, T).

        M flagged tokens, U distinct ones (by row and token) among them.
        """
        self._dreamt_M = None
        if memory is None or self.strength == 0 or not memory.flagged_N.any():
            return batch
        ids_BT, positions_BT = batch["input_ids"], batch["position_ids"]
        taught_BT = batch["labels"] != IGNORED
        taught_BT[:, 0] = False  # nothing precedes it
        flagged_BT = taught_BT.masked_scatter(taught_BT, memory.flagged_N)
        key_BT = _row_and_token(ids_BT, positions_BT)
        key_U, number_M = key_BT[flagged_BT].unique(return_inverse=True)
        draw_U = torch.rand(len(key_U), generator=generator).to(ids_BT.device)
        dreamt_U = draw_U < self.strength
        self._dreamt_M = dreamt_U[number_M]
        taught_otherwise_U = torch.isin(key_U, key_BT[taught_BT & ~flagged_BT])
        read_U = _others(ids_BT[flagged_BT], number_M, memory.reference, generator)
        number_BT = torch.searchsorted(key_U, key_BT).clamp(max=len(key_U) - 1)
        swapped_BT = (key_U[number_BT] == key_BT) & (dreamt_U & ~taught_otherwise_U)[number_BT]
        read_BT = torch.where(swapped_BT, read_U[number_BT], ids_BT)
        self._count(read_BT, (read_BT != ids_BT) & (positions_BT > 0))
        return {**batch, "input_ids": read_BT}

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Edit `target` and `label_weight_N` at the tokens that `edit_batch` has dreamt."""
        if memory is None or self._dreamt_M is None:
            return signal
        dreamt_N = memory.flagged_N.masked_scatter(memory.flagged_N, self._dreamt_M)
        label_weight_N = signal.label_weight_N.masked_fill(dreamt_N, 0.0)
        if signal.target is None:
            return signal.with_(label_weight_N=label_weight_N)
        reference = memory.reference[self._dreamt_M]

        def edit(teacher_mV: Tensor, part: slice) -> Tensor:
            return reference[part].dense(teacher_mV.shape[-1])

        return signal.with_(
            target=signal.target.edited(dreamt_N, edit), label_weight_N=label_weight_N
        )

    def metrics(self) -> dict[str, float]:
        """How diverse the tokens dreamt since the last call were, where another of their row precedes them.

        `dream/distinct_bigrams` counts the distinct pairs of a dreamt token and the one read before it;
        `dream/entropy_bits` is the entropy of the dreamt tokens. Both are 0 when nothing was dreamt.
        """
        counts = torch.tensor([*self._tokens.values()], dtype=torch.float64)
        share = counts / counts.sum()
        told = {
            "dream/distinct_bigrams": float(len(self._bigrams)),
            "dream/entropy_bits": float((share * share.reciprocal().log2()).sum()),
        }
        self._tokens, self._bigrams = Counter(), set()
        return told

    def _count(self, read_BT: Tensor, counted_BT: Tensor) -> None:
        tokens = read_BT[:, 1:][counted_BT[:, 1:]].tolist()
        before = read_BT[:, :-1][counted_BT[:, 1:]].tolist()
        self._tokens.update(tokens)
        self._bigrams.update(zip(before, tokens, strict=True))


def _row_and_token(ids_BT: Tensor, positions_BT: Tensor) -> Tensor:
    """A number (B, T) that two positions share when they hold the same token in the same row."""
    row_BT = (positions_BT == 0).cumsum(1)  # positions restart at each row
    sequence_B1 = torch.arange(len(ids_BT), device=ids_BT.device)[:, None]
    row_BT = sequence_B1 * (ids_BT.shape[1] + 1) + row_BT
    return row_BT * (ids_BT.max() + 1) + ids_BT


def _others(
    true_M: Tensor, number_M: Tensor, reference: TopK, generator: torch.Generator
) -> Tensor:
    """For each of the U distinct flagged tokens, another one (U,); itself if the reference keeps no other.

    `number_M` says which of the distinct ones a flagged token is.
    """
    order_M = torch.arange(len(number_M), device=number_M.device)
    first_U = order_M.new_full((int(number_M.max()) + 1,), len(order_M))
    first_U = first_U.scatter_reduce(0, number_M, order_M, "amin")
    true_U, kept_UK = true_M[first_U], reference.indices_NK[first_U]
    is_same_UK = kept_UK == true_U[:, None]
    logprobs_UK = reference.logprobs_NK[first_U].masked_fill(is_same_UK, -torch.inf)
    has_other_U = logprobs_UK.isfinite().any(1)
    probability_UK = logprobs_UK[has_other_U].softmax(-1).cpu()  # where the generator is
    choice_U1 = torch.multinomial(probability_UK, 1, generator=generator).to(true_U.device)
    other_U = true_U.clone()
    other_U[has_other_U] = kept_UK[has_other_U].gather(1, choice_U1).squeeze(1).to(true_U.dtype)
    return other_U
