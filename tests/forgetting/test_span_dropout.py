"""Memorized tokens leave the loss as often as their score says."""

import torch

from core.signal import MemorySlice, TeacherSignal, TopK
from forgetting.span_dropout import SpanDropout


def test_tokens_are_dropped_by_score_and_strength() -> None:
    score_N = torch.tensor([0.49, 0.6, 1.0]).repeat_interleave(4000)
    nothing = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
    memory = MemorySlice(score_N, score_N >= 0.5, nothing)
    signal = TeacherSignal(None, torch.full((12000,), 2.0), torch.ones(12000))
    for strength in (0.5, 1.0):
        edited = SpanDropout(strength=strength).edit_signal(
            signal, memory, torch.Generator().manual_seed(0)
        )
        assert set(edited.weight_N.tolist()) == {0.0, 2.0}
        shares = (edited.weight_N == 0).float().view(3, 4000).mean(1)
        expected = torch.tensor([0.0, 0.6, 1.0]) * strength
        torch.testing.assert_close(shares, expected, atol=0.03, rtol=0)
