"""Continuations are those of one prompt at a time, on architectures that pad and cache differently."""

from collections import Counter

import pytest
import torch

from core.models.generate import greedy, sample

PROMPTS = [[1, 2, 3], [4], [5, 6, 7, 8, 9, 10, 11], [12, 13], [14, 15, 16]]
LENGTHS = [4, 6, 2, 6, 1]


def one_by_one(any_model, prompt: list[int], num_tokens: int) -> list[int]:
    """Greedy continuation without padding, batching or cache."""
    text = list(prompt)
    with torch.no_grad():
        for _ in range(num_tokens):
            text.append(
                int(any_model(torch.tensor([text]), use_cache=False).logits[0, -1].argmax())
            )
    return text[len(prompt) :]


def test_greedy_is_the_argmax_one_token_at_a_time(any_model):
    expected = [one_by_one(any_model, p, n) for p, n in zip(PROMPTS, LENGTHS, strict=True)]
    assert greedy(any_model, PROMPTS, LENGTHS) == expected
    assert len({token for tokens in expected for token in tokens}) > 3, "not one token for ever"


def test_samples_do_not_depend_on_what_else_is_in_the_batch(any_model, monkeypatch):
    def drawn(tokens_per_batch: int) -> list[torch.Tensor]:
        monkeypatch.setattr("core.models.generate.TOKENS_PER_BATCH", tokens_per_batch)
        generator = torch.Generator().manual_seed(3)
        return sample(any_model, PROMPTS, LENGTHS, num_samples=5, generator=generator)

    together, apart = drawn(8192), drawn(1)
    assert [tokens.shape for tokens in together] == [(5, length) for length in LENGTHS]
    for a, b in zip(together, apart, strict=True):
        assert torch.equal(a, b)


def test_samples_follow_the_models_distribution(any_model):
    with torch.no_grad():
        any_model.get_output_embeddings().weight.mul_(0.5)
        first_V = any_model(torch.tensor([[4, 5]])).logits[0, -1].softmax(0)
        likeliest = int(first_V.argmax())
        then_V = any_model(torch.tensor([[4, 5, likeliest]])).logits[0, -1].softmax(0)
    num_samples = 4000
    (tokens_KL,) = sample(
        any_model,
        [[4, 5]],
        [2],
        num_samples=num_samples,
        generator=torch.Generator().manual_seed(0),
    )
    firsts = Counter(tokens_KL[:, 0].tolist())
    for token in first_V.topk(3).indices.tolist():
        assert firsts[token] / num_samples == pytest.approx(first_V[token].item(), abs=0.04)
    seconds_M = tokens_KL[tokens_KL[:, 0] == likeliest, 1]
    token = int(then_V.argmax())
    share = (seconds_M == token).double().mean().item()
    margin = 4 * (then_V[token] * (1 - then_V[token]) / len(seconds_M)).sqrt().item()
    assert share == pytest.approx(then_V[token].item(), abs=margin + 1e-3)


def test_the_global_random_state_and_the_mode_stay(any_model):
    any_model.train()
    state = torch.get_rng_state()
    sample(any_model, [[1, 2]], [3], num_samples=2, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), state)
    assert any_model.training


def test_a_low_temperature_says_what_is_likeliest(any_model):
    generator = torch.Generator().manual_seed(1)
    drawn = sample(
        any_model, PROMPTS, LENGTHS, num_samples=3, generator=generator, temperature=1e-3
    )
    for tokens_KL, said in zip(drawn, greedy(any_model, PROMPTS, LENGTHS), strict=True):
        assert tokens_KL.tolist() == [said] * 3
