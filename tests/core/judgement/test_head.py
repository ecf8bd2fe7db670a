"""The logistic curve and the guard, on features whose truth is known."""

import pytest
import torch

from core.errors import UserError
from core.judgement.guard import Guard
from core.judgement.head import Head


@pytest.fixture
def known() -> tuple[torch.Tensor, torch.Tensor]:
    """Features of which the first tells the outcome, on another scale, and the rest nothing."""
    generator = torch.Generator().manual_seed(0)
    features_NF = torch.randn(4000, 5, generator=generator) * torch.tensor([100.0, 1, 1, 1, 0.01])
    chance_N = (features_NF[:, 0] / 50).sigmoid()
    return features_NF, torch.rand(4000, generator=generator) < chance_N


def test_it_learns_the_probability(known) -> None:
    features_NF, right_N = known
    head = Head.fit(features_NF, right_N)
    truth_N = (features_NF[:, 0] / 50).sigmoid()
    assert (head(features_NF) - truth_N).abs().mean() < 0.03


def test_outcomes_that_are_all_alike_teach_nothing(known) -> None:
    features_NF, _ = known
    for outcome, said in ((1, "all solutions came out right"), (0, "all solutions came out wrong")):
        with pytest.raises(UserError, match=said):
            Head.fit(features_NF, torch.full((len(features_NF),), outcome))


def test_a_feature_that_never_changes_does_no_harm(known) -> None:
    features_NF, right_N = known
    features_NF[:, 3] = 2.0
    assert Head.fit(features_NF, right_N)(features_NF).isfinite().all()


def test_the_guard_trusts_its_own_and_not_what_is_far() -> None:
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(8, 8, generator=generator)

    def drawn(count: int) -> list[torch.Tensor]:
        return [torch.randn(20, 8, generator=generator) @ mixing + 3 for _ in range(count)]

    guard = Guard.fit(drawn(100))
    assert torch.cat([guard.trusts(text) for text in drawn(100)]).float().mean() > 0.95
    assert not guard.trusts(drawn(1)[0] + 40).any()
    # Far along a direction in which the training hardly varies, though near by plain distance.
    assert not guard.trusts(drawn(1)[0] + 2 * torch.linalg.svd(mixing).Vh[-1] * 3)[5:].any()
