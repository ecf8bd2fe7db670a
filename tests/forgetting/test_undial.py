"""The text's own token becomes less likely; the others keep their proportions."""

import pytest
import torch
from datasets import Dataset

from core.errors import UserError
from core.signal.signal import Dense, TeacherSignal, TopK
from forgetting.undial import Undial

NOTHING = TopK(torch.zeros(0, 1, dtype=torch.long), torch.zeros(0, 1), torch.zeros(0))


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_the_target_is_the_softmax_without_beta_at_the_token(strength: float) -> None:
    logits_MV = torch.randn(40, 30, generator=torch.Generator().manual_seed(0)) * 4
    labels_M = torch.arange(40) % 30
    target_MV = Undial(strength=strength, beta=6.0).target(
        logits_MV.log_softmax(-1), labels_M, NOTHING
    )
    onehot_MV = torch.eye(30)[labels_M]
    expected_MV = (logits_MV - 6.0 * strength * onehot_MV).softmax(-1)
    torch.testing.assert_close(target_MV.exp(), expected_MV)


def test_a_teacher_that_is_sure_stays_finite_and_tells_the_others() -> None:
    logits_MV = torch.tensor([[200.0, 3.0, 2.0], [12.0, 3.0, 2.0]])
    target_MV = Undial(beta=1000.0).target(logits_MV.log_softmax(-1), torch.tensor([0, 0]), NOTHING)
    assert target_MV.isfinite().all()
    expected_V = torch.tensor([0.0, *torch.tensor([3.0, 2.0]).softmax(0)])
    torch.testing.assert_close(target_MV.exp(), expected_V.expand(2, -1))


def test_what_is_lowered_is_the_texts_own_token(make_map, sequences: Dataset) -> None:
    labels_BT = torch.tensor(sequences["labels"][:4])
    memory = make_map().slice(torch.arange(4), labels_BT)
    labels_N = labels_BT[labels_BT >= 0]
    even_NV = torch.zeros(len(labels_N), 320).log_softmax(-1)
    ones_N = torch.ones(len(labels_N))
    edited = Undial().edit_signal(
        TeacherSignal(Dense(even_NV), ones_N, ones_N),
        {"labels": labels_BT},
        memory,
        torch.Generator(),
    )
    lowest_N = edited.target.rows(slice(None)).argmin(-1)
    assert torch.equal(lowest_N[memory.flagged_N], labels_N[memory.flagged_N])


def test_a_negative_beta_is_refused() -> None:
    for beta in (-1.0, float("nan")):
        with pytest.raises(UserError, match="Undial: beta must be 0 nats or more"):
            Undial(beta=beta)
