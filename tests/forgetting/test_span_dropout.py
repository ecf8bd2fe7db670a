"""Memorized tokens leave the loss as often as their score says, and what is read where that is asked."""

import pytest
import torch
from torch import Tensor

from core.signal.signal import MemorySlice, TeacherSignal, TopK
from core.training.regularizer import Batch
from forgetting.span_dropout import SpanDropout

SCORES = torch.tensor([0.49, 0.6, 1.0])
NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
IDS_BT = torch.randint(320, (30, 401), generator=torch.Generator().manual_seed(7))
# The first token of a row is never taught, the others in turns of their score.
SCORE_BT = torch.cat([torch.zeros(30, 1), SCORES.repeat_interleave(10)[:, None].expand(-1, 400)], 1)
BATCH = {"input_ids": IDS_BT, "labels": torch.where(SCORE_BT > 0, IDS_BT, -100)}


def step(make_llama, **options: object) -> tuple[Batch, Tensor]:
    """What the student reads and which tokens (N,) are dropped, in one step."""
    score_N = SCORE_BT[:, 1:].flatten()
    memory = MemorySlice(score_N, score_N >= 0.5, NOTHING, SCORE_BT)
    signal = TeacherSignal(None, torch.full((12000,), 2.0), torch.ones(12000))
    regularizer, generator = SpanDropout(**options), torch.Generator().manual_seed(0)
    regularizer.prepare_student(make_llama(), generator)
    read = regularizer.edit_batch(BATCH, memory, generator)
    weight_N = regularizer.edit_signal(signal, BATCH, memory, generator).weight_N
    assert set(weight_N.tolist()) == {0.0, 2.0}
    return read, weight_N == 0


@pytest.mark.parametrize("hide", [False, True])
@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_tokens_are_dropped_by_score_and_strength(make_llama, strength: float, hide: bool) -> None:
    _, dropped_N = step(make_llama, strength=strength, hide=hide)
    shares = dropped_N.float().view(3, 4000).mean(1)
    expected = torch.tensor([0.0, 0.6, 1.0]) * strength
    torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)


@pytest.mark.parametrize("strength", [0.5, 1.0])
def test_the_dropped_tokens_are_not_read_either_where_that_is_asked(
    make_llama, strength: float
) -> None:
    read, dropped_N = step(make_llama, strength=strength, hide=True)
    changed_BT = read["input_ids"] != IDS_BT
    assert not changed_BT[:, 0].any() and not changed_BT[:, 1:].flatten()[~dropped_N].any()
    hidden_N = changed_BT[:, 1:].flatten()[dropped_N]
    assert hidden_N.float().mean() > 0.99, "but for those that happen to be drawn themselves"
    drawn_N = read["input_ids"][:, 1:].flatten()[dropped_N]
    counts = drawn_N.bincount(minlength=320)
    assert len(counts) == 320 and counts.min() > 0, "from the whole vocabulary"
    assert counts.max() < 4 * counts.float().mean(), "evenly"
    assert read["labels"] is BATCH["labels"], "what is asked stays"


def test_the_student_reads_the_text_as_it_is_unless_asked(make_llama) -> None:
    read, _ = step(make_llama, strength=1.0)
    assert read is BATCH
