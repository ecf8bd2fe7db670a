"""Which pretrained models can be taught from."""

import pytest
import torch
from datasets import Dataset
from transformers import (
    LlamaConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    Qwen2Config,
)

from core.errors import UserError
from core.models.fit import check_fits
from core.models.gate import check_packed
from core.models.loading import new_model

SIZES = {
    "vocab_size": 320,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
}

LONG = {
    **{"rope_type": "longrope", "rope_theta": 1e4, "original_max_position_embeddings": 32},
    **{"short_factor": [1.0] * 2, "long_factor": [4.0] * 2},
}


@pytest.fixture(params=["sdpa", "eager"])
def attention(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[LlamaConfig, Qwen2Config])
def model(request: pytest.FixtureRequest, attention: str) -> PreTrainedModel:
    model = new_model(request.param(**SIZES), 0).eval()
    model.set_attn_implementation(attention)
    assert model.config._attn_implementation == attention
    return model


@torch.no_grad()
def test_positions_that_restart_keep_rows_apart(model: PreTrainedModel, sequences: Dataset) -> None:
    packed = sequences.select(range(4)).with_format("torch")[:]
    ids, positions, row = packed["input_ids"], packed["position_ids"], packed["row"]
    together = model(input_ids=ids, position_ids=positions, use_cache=False).logits
    compared = 0
    for s in range(len(ids)):
        for number in row[s].unique():
            mine = row[s] == number
            if number >= 0 and (positions[s][mine].diff() == 1).all():
                alone = model(input_ids=ids[s][mine][None], use_cache=False).logits[0]
                torch.testing.assert_close(together[s][mine], alone, rtol=1e-4, atol=1e-4)
                compared += 1
    assert compared > 8, "several rows a sequence"
    check_packed(model, "the teacher")


def test_a_padded_vocabulary_and_a_context_that_is_long_enough_fit(
    toy_tokenizer: PreTrainedTokenizerFast,
) -> None:
    padded = {**SIZES, "vocab_size": len(toy_tokenizer) + 64}
    config = LlamaConfig(**padded, max_position_embeddings=48)
    check_fits(config, toy_tokenizer, 48)
    with pytest.raises(UserError, match=r"packing\.sequence_length=49 is more than"):
        check_fits(config, toy_tokenizer, 49)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"max_position_embeddings": 32},
            "packing.sequence_length=48 is more than the teacher's context of 32 tokens",
        ),
        (
            {"max_position_embeddings": 64, "rope_parameters": LONG},
            "packing.sequence_length=48 is more than the teacher's context of 32 tokens",
        ),
        ({"vocab_size": 300}, "a vocabulary of 300 but the tokenizer has 320 tokens"),
        (
            {"quantization_config": {"quant_method": "gptq", "bits": 4}},
            "weights are quantized (gptq), and a student's are float32",
        ),
    ],
)
def test_what_does_not_fit_is_told_with_both_sides(
    change: dict, said: str, toy_tokenizer: PreTrainedTokenizerFast
) -> None:
    assert len(toy_tokenizer) == 320
    with pytest.raises(UserError) as caught:
        check_fits(LlamaConfig(**{**SIZES, **change}), toy_tokenizer, 48)
    assert said in str(caught.value) and "\n" not in str(caught.value)
