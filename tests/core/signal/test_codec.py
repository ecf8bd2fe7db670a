"""What is stored of a distribution is nearly the distribution, in few bytes."""

import pytest
import torch

from core.signal.codec import LOWEST_TAIL, Codec
from core.signal.signal import TopK


def kept(count: int, vocab_size: int, k: int, sharpness: float = 4.0) -> tuple[torch.Tensor, TopK]:
    generator = torch.Generator().manual_seed(vocab_size + k)
    logprobs_NV = (sharpness * torch.randn(count, vocab_size, generator=generator)).log_softmax(-1)
    return logprobs_NV, TopK.of(logprobs_NV, k)


@pytest.mark.parametrize(
    ("vocab_size", "k"), [(49_152, 50), (300, 50), (51, 50), (2, 1), (64, 32), (151_936, 8)]
)
def test_the_tokens_are_the_same_and_their_probabilities_nearly(vocab_size: int, k: int) -> None:
    _, top = kept(40, vocab_size, k)
    codec = Codec(k, vocab_size)
    rows = codec.encode(top)
    assert rows.shape == (40, codec.row_bytes)
    again = codec.decode(rows)
    order = top.indices_NK.sort(-1)
    assert torch.equal(again.indices_NK, order.values)
    expected_NK = top.logprobs_NK.gather(1, order.indices)
    gap_N1 = (top.logprobs_NK[:, :1] - top.logprobs_NK[:, -1:]).clamp(min=1e-3)
    assert ((again.logprobs_NK - expected_NK).abs() <= 0.03 * gap_N1 + 0.05).all()
    mass_N = again.logprobs_NK.exp().sum(-1) + again.tail_logprob_N.exp()
    torch.testing.assert_close(mass_N, torch.ones(40), rtol=1e-4, atol=1e-4)


def test_storing_adds_little_to_what_is_cut_off() -> None:
    _, top = kept(200, 49_152, 50, sharpness=3.0)
    cut_NV = top.dense(49_152)
    stored_NV = Codec(50, 49_152).decode(Codec(50, 49_152).encode(top)).dense(49_152)
    cost = (cut_NV.exp() * (cut_NV - stored_NV)).sum(-1).mean()
    assert 0 <= cost < 2e-3, "nats"


def test_fifty_of_a_large_vocabulary_take_at_most_120_bytes() -> None:
    assert Codec(50, 49_152).row_bytes <= 120


def test_certainty_and_evenness_come_back() -> None:
    certain = TopK(torch.tensor([[3, 1]]), torch.tensor([[0.0, -80.0]]), torch.tensor([-200.0]))
    again = Codec(2, 9).decode(Codec(2, 9).encode(certain))
    assert again.indices_NK.tolist() == [[1, 3]]
    torch.testing.assert_close(again.logprobs_NK, torch.tensor([[-80.0, 0.0]]), atol=1e-3, rtol=0)
    assert again.tail_logprob_N == LOWEST_TAIL
    even = TopK.of(torch.zeros(1, 8).log_softmax(-1), 4)
    dense = Codec(4, 8).decode(Codec(4, 8).encode(even)).dense(8)
    torch.testing.assert_close(dense.exp(), torch.full((1, 8), 0.125), atol=1e-3, rtol=0)


def test_no_rows_are_no_rows() -> None:
    _, top = kept(0, 300, 50)
    assert Codec(50, 300).encode(top).shape[0] == 0
    assert len(Codec(50, 300).decode(Codec(50, 300).encode(top)).indices_NK) == 0
