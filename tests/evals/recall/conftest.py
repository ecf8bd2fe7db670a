"""Tiny models of several architectures."""

import pytest
import torch
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    OPTConfig,
    OPTForCausalLM,
    PreTrainedModel,
)

VOCAB = 40


def sized(config: type, **sizes: object) -> object:
    return config(
        vocab_size=VOCAB,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        initializer_range=0.5,
        **sizes,
    )


MODELS = {
    "llama": lambda: LlamaForCausalLM(sized(LlamaConfig, intermediate_size=32)),
    "mistral: a sliding window": lambda: MistralForCausalLM(
        sized(MistralConfig, intermediate_size=32, num_key_value_heads=1, sliding_window=4)
    ),
    "gpt2: learned positions, no padding token": lambda: GPT2LMHeadModel(
        sized(GPT2Config, pad_token_id=None)
    ),
    "opt: positions from the mask": lambda: OPTForCausalLM(
        sized(OPTConfig, ffn_dim=32, init_std=0.5, word_embed_proj_dim=16)
    ),
    "bloom: no positions": lambda: BloomForCausalLM(sized(BloomConfig)),
    "mamba: a state for a cache": lambda: MambaForCausalLM(
        MambaConfig(
            vocab_size=VOCAB,
            hidden_size=16,
            num_hidden_layers=2,
            state_size=4,
            initializer_range=0.5,
        )
    ),
}


@pytest.fixture(params=MODELS)
def any_model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """Architectures that know positions, pad and remember in different ways; 40 tokens, random weights."""
    torch.manual_seed(0)
    return MODELS[request.param]().eval()
