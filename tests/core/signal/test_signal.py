"""Distributions kept in part, made in parts, and edited."""

import math

import torch

from core.signal.signal import Dense, TopK


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_top_k_is_a_distribution_with_its_likeliest_tokens_exact() -> None:
    logprobs_NV = (draw(5, 40) * 3).log_softmax(-1)
    kept = TopK.of(logprobs_NV, 8)
    dense_NV = kept.dense(40)
    torch.testing.assert_close(dense_NV.exp().sum(-1), torch.ones(5))
    torch.testing.assert_close(dense_NV.gather(1, kept.indices_NK), kept.logprobs_NK)
    rest = dense_NV.scatter(1, kept.indices_NK, math.nan)
    assert all(len(row[~row.isnan()].unique()) == 1 for row in rest), "the tail is even"


def test_the_tail_follows_a_student_where_there_is_one() -> None:
    logprobs_NV, student_NV = (draw(5, 40) * 3).log_softmax(-1), draw(5, 40, seed=1)
    kept = TopK.of(logprobs_NV, 8)
    dense_NV = kept.dense(40, student_NV)
    torch.testing.assert_close(dense_NV.exp().sum(-1), torch.ones(5))
    torch.testing.assert_close(dense_NV.gather(1, kept.indices_NK), kept.logprobs_NK)
    gaps_NV = (dense_NV - student_NV).scatter(1, kept.indices_NK, math.nan)
    for row in gaps_NV:
        torch.testing.assert_close(row[~row.isnan()].std(), torch.tensor(0.0), atol=1e-5, rtol=0)
    assert torch.equal(TopK.of(logprobs_NV, 40).dense(40, student_NV), logprobs_NV)


def test_a_certain_distribution_stays_finite() -> None:
    logprobs_NV = torch.tensor([[0.0, -200.0, -300.0, -400.0]])
    dense_NV = TopK.of(logprobs_NV, 2).dense(4)
    assert dense_NV.isfinite().all() and dense_NV[0, 0] == 0


def test_an_edit_reaches_its_tokens_whatever_the_parts() -> None:
    logprobs_NV = (draw(11, 40)).log_softmax(-1)
    where_N = torch.tensor([0, 1, 1, 0, 0, 0, 1, 0, 1, 0, 0], dtype=torch.bool)
    kept = TopK.of(draw(4, 40, seed=1).log_softmax(-1), 8)
    edited = Dense(logprobs_NV).edited(where_N, lambda _, part: kept[part].dense(40))
    expected_NV = logprobs_NV.clone()
    expected_NV[where_N] = kept.dense(40)
    for size in (1, 3, 4, 11):
        found = [edited.rows(slice(start, start + size)) for start in range(0, 11, size)]
        assert torch.equal(torch.cat(found), expected_NV)


def test_edits_are_made_one_after_the_other() -> None:
    logprobs_NV = (draw(6, 40)).log_softmax(-1)
    where_N = torch.arange(6) % 2 == 0
    once = Dense(logprobs_NV).edited(where_N, lambda told_mV, _: told_mV - 1)
    twice = once.edited(torch.arange(6) < 2, lambda told_mV, _: told_mV * 2)
    before_NV = logprobs_NV.clone()
    assert torch.equal(twice.rows(slice(0, 1)), (logprobs_NV[:1] - 1) * 2)
    assert torch.equal(twice.rows(slice(1, 3))[0], logprobs_NV[1] * 2)
    assert torch.equal(twice.rows(slice(2, 6)), once.rows(slice(2, 6)))
    assert torch.equal(logprobs_NV, before_NV), "in a copy"
