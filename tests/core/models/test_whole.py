"""What a folder holds that isn't a whole causal language model."""

import json
from pathlib import Path

import pytest
import torch
from transformers import (
    BartConfig,
    BartForCausalLM,
    BartForConditionalGeneration,
    PretrainedConfig,
    PreTrainedModel,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

from core.errors import UserError
from core.models.checkpoint import Checkpoint
from core.models.loading import load_model, save_model

SIZES = {
    **{"vocab_size": 40, "d_model": 16, "encoder_layers": 1, "decoder_layers": 1},
    **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_start_token_id": 0},
    **{"encoder_ffn_dim": 16, "decoder_ffn_dim": 16},
    **{"pad_token_id": 0, "bos_token_id": 0, "eos_token_id": 0},
}


@pytest.mark.parametrize("beside_a_model", [False, True])
def test_an_adapter_is_refused(
    beside_a_model: bool, make_llama, toy_tokenizer, tmp_path: Path
) -> None:
    """Beside a model it would be passed over, and the model before training asked in its place."""
    if beside_a_model:
        save_model(tmp_path, make_llama(), toy_tokenizer)
        load_model(tmp_path)
    told = {"peft_type": "LORA", "base_model_name_or_path": "ORG/MODEL"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(told))
    with pytest.raises(UserError, match=r"holds an adapter .* merge it into its model"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("config", "kind"),
    [
        (WhisperConfig(**SIZES), WhisperForConditionalGeneration),  # its decoder would load
        (BartConfig(**SIZES), BartForConditionalGeneration),
    ],
)
def test_an_encoder_with_a_decoder_is_refused(
    config: PretrainedConfig, kind: type[PreTrainedModel], tmp_path: Path
) -> None:
    kind(config).save_pretrained(tmp_path)
    with pytest.raises(UserError, match="is an encoder and a decoder"):
        load_model(tmp_path)
    with pytest.raises(UserError, match="is an encoder and a decoder"):
        Checkpoint(tmp_path).config()


def test_a_decoder_that_was_trained_alone_is_taken(tmp_path: Path) -> None:
    model = BartForCausalLM(BartConfig(**SIZES))
    model.save_pretrained(tmp_path)
    weights = load_model(tmp_path).state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in model.state_dict().items())
