import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

from evals.generate import generate

PROMPTS = [[7], [9, 4, 31, 18, 22, 5, 6], [12, 40, 3], [8, 8], [50, 60, 70, 80]]


@pytest.fixture(params=["llama", "gpt2"])
def any_model(request, make_model):
    """With rotary and with absolute positions."""
    if request.param == "llama":
        return make_model(120)
    torch.manual_seed(0)
    sizes = {"vocab_size": 120, "n_positions": 64, "n_embd": 32, "n_layer": 2, "n_head": 2}
    return GPT2LMHeadModel(GPT2Config(**sizes, initializer_range=0.3)).eval()


def one_by_one(model, prompt: list[int], num_tokens: int) -> list[int]:
    """Greedy decoding without cache, batch or padding."""
    ids = list(prompt)
    for _ in range(num_tokens):
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
    return ids[len(prompt) :]


@pytest.mark.parametrize("tokens_per_batch", [1, 40, 16384])
def test_greedy_is_what_the_model_says_to_each_prompt_alone(any_model, tokens_per_batch):
    said = generate(any_model, PROMPTS, 9, tokens_per_batch=tokens_per_batch)
    assert said == [one_by_one(any_model, prompt, 9) for prompt in PROMPTS]
    assert len({tuple(row) for row in said}) == len(PROMPTS)


def test_a_continuation_ends_before_the_first_stop(any_model):
    whole = generate(any_model, PROMPTS, 9)
    stops = {whole[0][4], whole[1][0]}
    expected = []
    for row in whole:
        at = next((i for i, token in enumerate(row) if token in stops), len(row))
        expected.append(row[:at])
    assert generate(any_model, PROMPTS, 9, stops=stops) == expected
    assert {len(row) for row in expected} >= {0, 9}, "some stop, and some don't"


def test_samples_follow_the_models_distribution(any_model):
    generator = torch.Generator().manual_seed(0)
    count = 4000
    said = generate(any_model, [PROMPTS[2]] * count, 1, temperature=2.0, generator=generator)
    logits_V = any_model(torch.tensor([PROMPTS[2]])).logits[0, -1] / 2
    expected_V = logits_V.softmax(0)
    found_V = torch.bincount(torch.tensor(said)[:, 0], minlength=120) / count
    error_V = (expected_V * (1 - expected_V) / count).sqrt()
    assert ((found_V - expected_V).abs() <= 5 * error_V + 1e-3).all()


def test_the_generator_alone_decides_the_draws(any_model):
    def draw(seed: int) -> list[list[int]]:
        generator = torch.Generator().manual_seed(seed)
        return generate(any_model, PROMPTS, 9, temperature=1.0, generator=generator)

    torch.manual_seed(1)
    first = draw(0)
    torch.manual_seed(2)
    assert draw(0) == first
    assert draw(1) != first


def test_training_mode_is_given_back(any_model):
    any_model.train()
    generate(any_model, PROMPTS, 1)
    assert any_model.training
