"""Flagged tokens count more, and nothing else changes."""

import pytest
import torch

from core.errors import UserError
from core.signal import MemorySlice, TeacherSignal, TopK
from forgetting.emphasis import Emphasis

NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
SCORE_N = torch.tensor([0.0, 0.49, 0.5, 1.0])


@pytest.mark.parametrize(("strength", "factor"), [(0.0, 1.0), (0.5, 3.0), (1.0, 5.0)])
def test_flagged_tokens_count_so_many_times_as_much(strength: float, factor: float) -> None:
    memory = MemorySlice(SCORE_N, SCORE_N >= 0.5, NOTHING, SCORE_N[None])
    weight_N = torch.tensor([1.0, 2.0, 3.0, 4.0])
    signal = TeacherSignal(None, weight_N, torch.full((4,), 0.5))
    edited = Emphasis(strength=strength, weight=5.0).edit_signal(
        signal, {}, memory, torch.Generator()
    )
    expected_N = torch.tensor([1.0, 2.0, 3.0 * factor, 4.0 * factor])
    torch.testing.assert_close(edited.weight_N, expected_N)
    assert torch.equal(edited.label_weight_N, signal.label_weight_N) and edited.target is None
    assert torch.equal(signal.weight_N, weight_N), "the signal that was given stays as it is"


def test_a_weight_that_is_no_emphasis_is_refused() -> None:
    for weight in (0.5, float("nan")):
        with pytest.raises(UserError, match="Emphasis: weight must be 1 or more"):
            Emphasis(weight=weight)
