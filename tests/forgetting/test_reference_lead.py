"""Where the reference leads and nothing is flagged, the text itself teaches."""

import pytest
import torch

from core.errors import UserError
from core.signal.signal import MemorySlice, TeacherSignal, TopK
from forgetting.reference_lead import ReferenceLead

NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))
FLAGGED_N = torch.tensor([False, False, False, True])
LEAD_N = torch.tensor([2.0, 0.5, -1.0, 2.0])


def edited(lead_N: torch.Tensor | None = LEAD_N, **options: float) -> TeacherSignal:
    memory = MemorySlice(FLAGGED_N.float(), FLAGGED_N, NOTHING, FLAGGED_N.float()[None], lead_N)
    signal = TeacherSignal(None, torch.full((4,), 0.1), torch.full((4,), 0.5))
    return ReferenceLead(**options).edit_signal(signal, {}, memory, torch.Generator())


def test_only_a_clear_lead_at_a_token_that_is_not_flagged_counts() -> None:
    found = edited()
    torch.testing.assert_close(found.label_weight_N, torch.tensor([1.0, 0.5, 0.5, 0.5]))
    torch.testing.assert_close(found.weight_N, torch.tensor([1 - 0.1353353, 0.1, 0.1, 0.1]))


def test_a_smaller_gap_counts_more_tokens_and_strength_is_the_share() -> None:
    found = edited(gap=0.4, strength=0.5)
    torch.testing.assert_close(found.label_weight_N, torch.tensor([0.75, 0.75, 0.5, 0.5]))
    assert found.weight_N[0] == pytest.approx(0.5 * (1 - 0.1353353))


def test_a_map_without_a_reference_changes_nothing() -> None:
    found = edited(None)
    assert (found.weight_N == 0.1).all() and (found.label_weight_N == 0.5).all()


def test_the_gap_is_positive() -> None:
    with pytest.raises(UserError, match="gap must be above 0"):
        ReferenceLead(gap=0.0)
