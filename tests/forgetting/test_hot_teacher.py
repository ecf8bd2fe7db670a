"""The target is the teacher's at a higher temperature."""

import pytest
import torch

from core.errors import UserError
from core.signal.signal import TopK
from forgetting.hot_teacher import HotTeacher

NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))


@pytest.mark.parametrize("strength, temperature", [(0.5, 2.5), (1.0, 4.0)])
def test_the_temperature_grows_with_strength(strength: float, temperature: float) -> None:
    logits_MV = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)) * 4
    target_MV = HotTeacher(strength=strength, temperature=4.0).target(
        logits_MV.log_softmax(-1), torch.zeros(40, dtype=torch.long), NOTHING
    )
    torch.testing.assert_close(target_MV.exp(), (logits_MV / temperature).softmax(-1))
    assert torch.equal(target_MV.argmax(-1), logits_MV.argmax(-1))


def test_a_temperature_that_sharpens_is_refused() -> None:
    for temperature in (0.5, float("nan")):
        with pytest.raises(UserError, match="HotTeacher: temperature must be 1 or more"):
            HotTeacher(temperature=temperature)
