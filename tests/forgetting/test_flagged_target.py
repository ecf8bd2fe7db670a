"""What holds for every other target at flagged tokens."""

from collections.abc import Callable

import pytest
import torch
from datasets import Dataset

from core.signal.signal import Dense, MemorySlice, TeacherSignal
from forgetting.counterfactual_target import CounterfactualTarget
from forgetting.flagged_target import FlaggedTarget
from forgetting.hot_teacher import HotTeacher
from forgetting.undial import Undial

Told = tuple[TeacherSignal, dict[str, torch.Tensor], MemorySlice]


@pytest.fixture
def told(make_map, sequences: Dataset) -> Callable[..., Told]:
    """A signal, its batch and the map's part, with scores at random or all alike."""

    def make(score: float | None = None) -> Told:
        batch = {"labels": torch.tensor(sequences["labels"][:4])}
        memory = make_map(score).slice(torch.arange(4), batch["labels"])
        count = len(memory.score_N)
        logits_NV = torch.randn(count, 320, generator=torch.Generator().manual_seed(3))
        half_N = torch.full((count,), 0.5)
        target = Dense(logits_NV.log_softmax(-1))
        return TeacherSignal(target, torch.ones(count), half_N), batch, memory

    return make


@pytest.fixture(params=[CounterfactualTarget, HotTeacher, Undial])
def kind(request: pytest.FixtureRequest) -> type[FlaggedTarget]:
    return request.param


def test_the_label_fades_where_it_is_flagged(kind: type[FlaggedTarget], told) -> None:
    signal, batch, memory = told()
    for strength in (0.25, 1.0):
        edited = kind(strength=strength).edit_signal(signal, batch, memory, torch.Generator())
        share_N = torch.where(memory.flagged_N, 0.5 * (1 - strength), 0.5)
        torch.testing.assert_close(edited.label_weight_N, share_N)
        assert torch.equal(edited.weight_N, signal.weight_N)
        sums_N = edited.target.rows(slice(None)).exp().sum(-1)
        torch.testing.assert_close(sums_N, torch.ones_like(sums_N))


def test_without_a_teacher_only_the_label_fades(kind: type[FlaggedTarget], told) -> None:
    signal, batch, memory = told()
    text = TeacherSignal(None, signal.weight_N, signal.label_weight_N)
    edited = kind(strength=1.0).edit_signal(text, batch, memory, torch.Generator())
    assert edited.target is None
    assert torch.equal(edited.label_weight_N == 0, memory.flagged_N)


def test_where_nothing_is_flagged_nothing_changes(kind: type[FlaggedTarget], told) -> None:
    signal, batch, memory = told(score=0.4)
    assert not memory.flagged_N.any()
    assert kind().edit_signal(signal, batch, memory, torch.Generator()) is signal
    assert kind().edit_signal(signal, batch, None, torch.Generator()) is signal
