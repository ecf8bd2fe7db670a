"""Fresh weights: what all tokens share, and a first layer that looks one token back."""

import pytest
import torch
from transformers import GPT2Config, LlamaConfig

from core.models.loading import new_model


def fresh(config, seed: int = 0):
    config.embedding_std = 0.1
    return new_model(config, seed).eval()


def llama(**sizes) -> LlamaConfig:
    defaults = {
        "vocab_size": 400,
        "hidden_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "intermediate_size": 64,
        "initializer_range": 0.04,
        "attn_implementation": "eager",
        "bos_token_id": None,
        "eos_token_id": 0,
    }
    return LlamaConfig(**defaults | sizes)


@torch.no_grad()
@pytest.mark.parametrize("num_key_value_heads", [1, 2])
def test_the_first_layer_attends_most_to_the_previous_token(num_key_value_heads) -> None:
    # With one group of keys, only the query head that they were made from looks back.
    model = fresh(llama(num_key_value_heads=num_key_value_heads))
    ids = torch.randint(2, 400, (16, 24), generator=torch.Generator().manual_seed(0))
    weights_BHTT = model(ids, output_attentions=True).attentions[0][:, :num_key_value_heads]
    back = torch.tensor([weights_BHTT.diagonal(-k, 2, 3)[..., 8:].mean() for k in range(1, 8)])
    assert back.argmax() == 0
    plain = new_model(llama(num_key_value_heads=num_key_value_heads), 0).eval()
    others_BHTT = plain(ids, output_attentions=True).attentions[0][:, :num_key_value_heads]
    assert back[0] > 1.5 * others_BHTT.diagonal(-1, 2, 3)[..., 8:].mean()


def test_embeddings_share_a_part_and_differ_in_the_rest() -> None:
    weight = fresh(llama(hidden_size=1024)).get_input_embeddings().weight
    assert (weight - weight.mean(0)).std().item() == pytest.approx(0.1, rel=0.05)
    assert weight.mean(0).std().item() == pytest.approx(0.2, rel=0.15)


def test_the_same_seed_gives_the_same_weights() -> None:
    first, again, other = (fresh(llama(), seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["lm_head.weight"], other["lm_head.weight"])


def test_a_model_without_rotary_attention_gets_the_embeddings_alone() -> None:
    config = GPT2Config(vocab_size=300, n_embd=64, n_layer=1, n_head=2, eos_token_id=0)
    before, after = new_model(config, 0).state_dict(), fresh(config).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"transformer.wte.weight", "lm_head.weight"}
