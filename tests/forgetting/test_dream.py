"""What is dreamt, how consistently, and what is taught there."""

import math

import pytest
import torch
from torch import Tensor

from core.models.taught import IGNORED
from core.signal.signal import Dense, MemorySlice, TeacherSignal, TopK
from core.training.regularizer import Batch
from forgetting.dream import Dream

# Three rows in two sequences. 30 is told twice and flagged twice in the first row, and once more in each of
# the others; 40 is flagged once and taught once as it follows from the context; 50 stands in a prompt first.
IDS_BT = torch.tensor([[9, 30, 8, 30, 7, 9, 30, 6], [50, 5, 40, 40, 50, 30, 1, 1]])
POSITIONS_BT = torch.tensor([[0, 1, 2, 3, 4, 0, 1, 2], [0, 1, 2, 3, 4, 5, 0, 0]])
UNTAUGHT_BT = torch.tensor([[1, 0, 0, 0, 0, 1, 0, 0], [1, 1, 0, 0, 0, 0, 1, 1]]).bool()
FLAGGED_BT = torch.tensor([[0, 1, 0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 1, 0, 0]]).bool()
TAUGHT_OTHERWISE_BT = IDS_BT == 40
BATCH: Batch = {
    "input_ids": IDS_BT,
    "position_ids": POSITIONS_BT,
    "labels": IDS_BT.masked_fill(UNTAUGHT_BT, IGNORED),
}
FLAGGED_N = FLAGGED_BT[~UNTAUGHT_BT]
KINDS = {30: [30, 31, 32, 33], 40: [40, 41, 42, 43], 50: [50, 51, 52, 53]}
SHARES = torch.tensor([0.3, 0.3, 0.2, 0.1])  # of the token itself, and of three others


def memory(shares: Tensor = SHARES) -> MemorySlice:
    kept_MK = torch.tensor([KINDS[token] for token in IDS_BT[FLAGGED_BT].tolist()])
    kept_MK[1] = torch.tensor([30, 34, 35, 36])  # the first row's second 30: not asked
    kept_MK = kept_MK[:, : len(shares)]
    tail_M = (1 - shares.sum()).clamp(min=1e-6).log().expand(len(kept_MK))
    reference = TopK(kept_MK, shares.log().expand(kept_MK.shape), tail_M)
    score_BT = FLAGGED_BT.float()
    return MemorySlice(FLAGGED_N.float(), FLAGGED_N, reference, score_BT)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def read(dream: Dream, seed: int) -> Tensor:
    edited = dream.edit_batch(BATCH, memory(), generator(seed))
    assert all(edited[name] is BATCH[name] for name in ("position_ids", "labels"))
    return edited["input_ids"]


def test_a_row_is_dreamt_consistently_and_each_row_by_itself() -> None:
    dream, differ = Dream(), set()
    for seed in range(20):
        read_BT = read(dream, seed)
        assert read_BT[0, 1] == read_BT[0, 3] and read_BT[1, 0] == read_BT[1, 4]
        swapped_BT = (IDS_BT == 30) | (IDS_BT == 50)
        assert torch.equal(read_BT != IDS_BT, swapped_BT), "these never stay, and others do"
        differ.add(len({int(read_BT[0, 1]), int(read_BT[0, 6]), int(read_BT[1, 5])}))
    assert differ == {1, 2, 3}, "rows are drawn apart"


@pytest.mark.slow
def test_dreams_are_drawn_from_the_reference_afresh_and_repeat_with_the_generator() -> None:
    dream = Dream()
    drawn = torch.stack([read(dream, seed)[0, 1] for seed in range(3000)])
    shares = drawn.bincount(minlength=34)[30:].float() / 3000
    expected = torch.tensor([0.0, 0.3, 0.2, 0.1]) / 0.6
    torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)
    assert torch.equal(read(dream, 7), read(Dream(), 7))


def test_strength_is_how_often_a_token_is_dreamt() -> None:
    dream = Dream(strength=0.3)
    dreamt = torch.stack([read(dream, seed) != IDS_BT for seed in range(2000)]).float().mean(0)
    for place in ((0, 1), (0, 6), (1, 4), (1, 5)):
        assert abs(dreamt[place] - 0.3) < 0.04


def told(strength: float = 1.0, seed: int = 0, shares: Tensor = SHARES) -> list[TeacherSignal]:
    """The signal before and after."""
    count = len(FLAGGED_N)
    before = TeacherSignal(
        Dense(torch.randn(count, 60, generator=generator(3)).log_softmax(-1)),
        torch.rand(count, generator=generator(4)),
        torch.full((count,), 0.5),
    )
    dream = Dream(strength=strength)
    dream.edit_batch(BATCH, memory(shares), generator(seed))
    return [before, dream.edit_signal(before, BATCH, memory(shares), generator(9))]


def test_the_reference_is_taught_at_what_is_dreamt_and_the_text_is_no_label_there() -> None:
    before, after = told()
    reference_MV = memory().reference.dense(60)
    was_NV, taught_NV = (signal.target.rows(slice(None)) for signal in (before, after))
    torch.testing.assert_close(taught_NV[FLAGGED_N], reference_MV)
    assert not after.label_weight_N[FLAGGED_N].any()
    assert torch.equal(taught_NV[~FLAGGED_N], was_NV[~FLAGGED_N])
    assert torch.equal(after.label_weight_N[~FLAGGED_N], before.label_weight_N[~FLAGGED_N])
    assert torch.equal(after.weight_N, before.weight_N)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_not_dreamt_is_taught_as_before(seed: int) -> None:
    before, after = told(strength=0.5, seed=seed)
    read_BT = Dream(strength=0.5).edit_batch(BATCH, memory(), generator(seed))["input_ids"]
    same_BT = (read_BT == IDS_BT) & ~TAUGHT_OTHERWISE_BT
    was_NV, taught_NV = (signal.target.rows(slice(None)) for signal in (before, after))
    changed_N = (taught_NV != was_NV).any(-1)
    sure_N = ~TAUGHT_OTHERWISE_BT[~UNTAUGHT_BT]
    assert torch.equal(changed_N[sure_N], ~same_BT[~UNTAUGHT_BT][sure_N])
    assert torch.equal(after.label_weight_N == 0, changed_N)


def test_a_token_without_another_of_its_kind_is_read_but_not_taught() -> None:
    alone = torch.tensor([0.9])
    assert torch.equal(Dream().edit_batch(BATCH, memory(alone), generator(0))["input_ids"], IDS_BT)
    _, after = told(shares=alone)
    assert not after.label_weight_N[FLAGGED_N].any()


def test_diversity_is_measured_since_it_was_last_asked_for() -> None:
    dream, bigrams, tokens = Dream(), set(), []
    for seed in range(5):
        read_BT = read(dream, seed)
        for b, t in (
            (0, 1),
            (0, 3),
            (0, 6),
            (1, 4),
            (1, 5),
        ):  # not the row's first, before which is none
            tokens.append(int(read_BT[b, t]))
            bigrams.add((int(read_BT[b, t - 1]), tokens[-1]))
    shares = [tokens.count(token) / len(tokens) for token in set(tokens)]
    metrics = dream.metrics()
    assert metrics["dream/distinct_bigrams"] == len(bigrams)
    entropy = -sum(share * math.log2(share) for share in shares)
    assert metrics["dream/entropy_bits"] == pytest.approx(entropy)
    assert dream.metrics() == {"dream/distinct_bigrams": 0.0, "dream/entropy_bits": 0.0}
