"""Models cut down: what goes is what does least, and what is left is a stock architecture."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from datasets import Dataset
from transformers import (
    GPT2Config,
    GPT2LMHeadModel,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from core.errors import UserError
from core.models.curvature import batches_of
from core.models.cut import (
    cut,
    gated_mlps,
    layer_importance,
    most_important,
    resized,
    unit_importance,
)
from core.models.loading import load_model, new_model, save_model

IDS = torch.arange(2, 14).reshape(2, 6)
SIZES = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 4}
Make = Callable[[], PreTrainedModel]


@pytest.fixture(params=["llama", "qwen2"])
def make(request: pytest.FixtureRequest, make_llama, toy_tokenizer) -> Make:
    """Toy models of two families; Qwen2's has biases, and a list of what each layer is."""

    def qwen2() -> PreTrainedModel:
        heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
        config = Qwen2Config(vocab_size=len(toy_tokenizer), **SIZES, **heads)
        return new_model(config, 0).eval()

    return qwen2 if request.param == "qwen2" else lambda: make_llama(**SIZES)


@torch.no_grad()
def silence(model: PreTrainedModel, number: int) -> None:
    """Let a layer add nothing."""
    layer = model.model.layers[number]
    layer.self_attn.o_proj.weight.zero_()
    layer.mlp.down_proj.weight.zero_()


def test_a_layer_that_does_nothing_is_worth_nothing(make: Make, sequences: Dataset) -> None:
    model = make()
    silence(model, 1)
    importance_L = layer_importance(model, batches_of(sequences, 4, seed=0))
    assert importance_L.shape == (4,)
    assert importance_L[1] < 1e-6 and (importance_L[[0, 2, 3]] > 0.01).all()
    assert most_important(importance_L, 3) == [0, 2, 3]


def test_importance_is_one_minus_the_cosine_where_tokens_are_predicted(
    make: Make, sequences: Dataset
) -> None:
    model = make()
    [(input_ids, position_ids, labels)] = batches_of(sequences, 2, seed=0)
    with torch.no_grad():
        said = model(
            input_ids, position_ids=position_ids, use_cache=False, output_hidden_states=True
        )
    states = said.hidden_states
    predicts = (labels[:, 1:] >= 0).nonzero(as_tuple=True)
    cosine = torch.cosine_similarity(states[0][predicts], states[1][predicts], dim=-1)
    found = layer_importance(model, batches_of(sequences, 2, seed=0))[0]
    torch.testing.assert_close(found.float(), 1 - cosine.mean())


def test_without_layers_and_units_that_do_nothing_it_says_the_same(
    make: Make, sequences: Dataset, toy_tokenizer, tmp_path: Path
) -> None:
    model = make()
    silence(model, 2)
    with torch.no_grad():
        for number, layer in enumerate(model.model.layers):
            layer.mlp.down_proj.weight[:, number % 2 :: 2] = 0
    read = batches_of(sequences, 4, seed=0)
    units = {
        name: most_important(importance_K, 12)
        for name, importance_K in unit_importance(model, read).items()
    }
    smaller = cut(model, kept_layers=[0, 1, 3], kept_units=units, seed=0).eval()
    assert (smaller.config.num_hidden_layers, smaller.config.intermediate_size) == (3, 12)
    torch.testing.assert_close(smaller(IDS).logits, model(IDS).logits)
    save_model(tmp_path, smaller, toy_tokenizer)
    loaded = load_model(tmp_path)
    assert type(loaded) in (LlamaForCausalLM, Qwen2ForCausalLM)
    assert torch.equal(loaded(IDS).logits, smaller(IDS).logits)


def test_units_that_are_loud_and_heard_stay(make_llama, sequences: Dataset) -> None:
    model = make_llama()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.mlp.up_proj.weight[5] *= 50  # loud, and heard
            layer.mlp.up_proj.weight[6] *= 50  # loud, and not heard
            layer.mlp.down_proj.weight[:, 6] *= 1e-6
    for importance_K in unit_importance(model, batches_of(sequences, 4, seed=0)).values():
        assert importance_K.argmax() == 5 and importance_K.argmin() == 6


def test_what_a_configuration_says_of_each_layer_goes_with_it() -> None:
    kinds = ["full_attention", "full_attention", "sliding_attention", "sliding_attention"]
    config = Qwen2Config(**SIZES, use_sliding_window=True, max_window_layers=2, layer_types=kinds)
    kept = resized(config, {"num_hidden_layers": 2}, kept_layers=[1, 2])
    assert kept.layer_types == ["full_attention", "sliding_attention"]
    assert len(resized(config, {"num_hidden_layers": 3}).layer_types) == 3
    assert config.layer_types == kinds


def test_a_model_without_gated_mlps_is_told() -> None:
    gpt2 = GPT2LMHeadModel(GPT2Config(vocab_size=9, n_embd=8, n_layer=2, n_head=1))
    with pytest.raises(UserError, match="GPT2LMHeadModel has no MLPs of gate_proj"):
        gated_mlps(gpt2)
    assert cut(gpt2, kept_layers=[1], seed=0).config.n_layer == 1, "its layers can be cut"
