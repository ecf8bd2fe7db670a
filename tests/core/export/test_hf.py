"""A Hugging Face export is the checkpoint, in the dtype asked for, with nothing of ours in it."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import Mamba2Config, OpenAIGPTConfig, PretrainedConfig, Qwen3NextConfig

from core.export.hf import HuggingFace
from core.export.parity import compare
from core.export.source import Source
from core.models.loading import new_model, save_model
from tests.core.export.conftest import prompts_for, said_by


def test_float32_is_the_same_model(make_source, tmp_path: Path) -> None:
    source = make_source()
    source.model.config.embedding_std = 0.1
    HuggingFace().write(source, [], tmp_path / "hf")
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert config["model_type"] == "llama" and "embedding_std" not in config
    assert source.model.config.embedding_std == 0.1, "the source is left as it is"
    tokenizer = json.loads((tmp_path / "hf" / "tokenizer_config.json").read_text())
    assert "local_files_only" not in tokenizer
    assert (tmp_path / "hf" / "generation_config.json").exists()
    [reader] = HuggingFace().readers(tmp_path / "hf")
    parity = compare(reader, said_by(source))
    assert parity.max_logit_difference < 1e-4
    assert parity.greedy_agreement == parity.tokenized_alike == 1


def test_a_rounded_export_is_smaller_and_says_how_far_it_is_off(
    make_source, tmp_path: Path
) -> None:
    source = make_source()
    rounded = HuggingFace(dtype="bfloat16")
    rounded.write(source, [], tmp_path / "hf")
    weights = load_file(tmp_path / "hf" / "model.safetensors")
    assert {weight.dtype for weight in weights.values()} == {torch.bfloat16}
    assert rounded.size(source) == source.model.num_parameters() * 2
    [reader] = rounded.readers(tmp_path / "hf")
    assert 1e-4 < compare(reader, said_by(source)).max_logit_difference < 5


def test_what_a_dtype_cannot_hold_is_told(make_source) -> None:
    source = make_source()
    assert list(HuggingFace(dtype="float16").problems(source, prompts_for(source))) == []
    with torch.no_grad():
        source.model.model.norm.weight[0] = 1e6
    [line] = HuggingFace(dtype="float16").problems(source, [])
    assert "model.norm.weight exceeds float16's range" in line
    [line] = HuggingFace(dtype="float64").problems(source, [])
    assert line == "no dtype 'float64': choose float32, bfloat16, float16"


@pytest.mark.parametrize("exact", [True, False])
def test_a_reader_of_exact_weights_that_differs_is_refused(make_source, tmp_path, exact) -> None:
    from core.errors import UserError

    source = make_source()
    said = said_by(source)
    with torch.no_grad():
        source.model.model.norm.weight.mul_(2)
    HuggingFace().write(source, [], tmp_path / "hf")
    [reader] = HuggingFace().readers(tmp_path / "hf")
    reader.exact = exact
    if exact:
        with pytest.raises(UserError, match="otherwise than the checkpoint"):
            compare(reader, said)
    else:
        assert compare(reader, said).max_logit_difference > 0.1


STATE = {"state_size": 8, "num_heads": 4, "head_dim": 16, "n_groups": 1, "chunk_size": 4}
LINEAR = {"linear_num_value_heads": 4, "linear_num_key_heads": 2, "linear_key_head_dim": 8}
SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.3}


@pytest.mark.slow
@pytest.mark.parametrize(
    "config",
    [
        pytest.param(Mamba2Config(**SIZES, **STATE), id="a state"),
        pytest.param(OpenAIGPTConfig(n_embd=32, n_layer=2, n_head=2), id="nothing"),
        pytest.param(
            Qwen3NextConfig(
                **{**SIZES, **LINEAR, "linear_value_head_dim": 8, "intermediate_size": 32},
                **{"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 8},
                **{"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16},
                **{"shared_expert_intermediate_size": 16},
                layer_types=["linear_attention", "full_attention"],
            ),
            id="a cache that isn't the model's",
        ),
    ],
)
def test_a_model_is_read_back_from_whatever_it_keeps(
    config: PretrainedConfig, toy_tokenizer, tmp_path: Path
) -> None:
    config.vocab_size = len(toy_tokenizer)
    save_model(tmp_path / "toy", new_model(config, 0), toy_tokenizer)
    source = Source("toy", "model", tmp_path / "toy", tmp_path, "f")
    HuggingFace().write(source, [], tmp_path / "hf")
    [reader] = HuggingFace().readers(tmp_path / "hf")
    assert compare(reader, said_by(source)).max_logit_difference < 1e-4
