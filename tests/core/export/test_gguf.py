"""GGUF files say what the checkpoint says, to readers that know nothing of us."""

from pathlib import Path

import pytest
from transformers import GPT2Config

from core.export.gguf import Gguf, gguf_readers
from core.export.llama_cpp import LlamaCpp
from core.export.parity import compare
from core.models.loading import new_model
from tests.core.export.conftest import FAMILIES, prompts_for, said_by

gguf = pytest.importorskip(
    "gguf", reason="needs the extra: pip install -c constraints.txt -e '.[export]'"
)


@pytest.mark.parametrize("family", FAMILIES)
def test_float32_is_the_same_model(family: str, make_source, tmp_path: Path) -> None:
    source = make_source(family)
    prompts, said = prompts_for(source), said_by(source)
    assert list(Gguf(types=["F32"]).problems(source, prompts)) == []
    Gguf(types=["F32"]).write(source, prompts, tmp_path)
    reader = next(gguf_readers(tmp_path / "toy-F32.gguf"))
    assert reader.name.startswith("transformers")
    parity = compare(reader, said)
    assert parity.max_logit_difference < 1e-3
    assert parity.greedy_agreement == parity.tokenized_alike == 1


@pytest.mark.parametrize("family", FAMILIES)
def test_llama_cpp_reads_the_same_model(family: str, make_source, tmp_path: Path) -> None:
    pytest.importorskip(
        "llama_cpp", reason="needs the extra: pip install -c constraints.txt -e '.[llama]'"
    )
    source = make_source(family)
    Gguf(types=["F32"]).write(source, prompts_for(source), tmp_path)
    parity = compare(LlamaCpp(tmp_path / "toy-F32.gguf", exact=True), said_by(source))
    assert parity.greedy_agreement == parity.tokenized_alike == 1


def test_all_chat_templates_are_in_the_file(make_source, tmp_path: Path) -> None:
    source = make_source()
    source.tokenizer.chat_template = {"default": "{{ messages }}", "tool_use": "{{ tools }}"}
    Gguf(types=["F32"]).write(source, prompts_for(source), tmp_path)
    fields = gguf.GGUFReader(tmp_path / "toy-F32.gguf").fields
    assert fields["tokenizer.chat_template"].contents() == "{{ messages }}"
    assert fields["tokenizer.chat_template.tool_use"].contents() == "{{ tools }}"


def test_an_end_beyond_the_rows_ends_nothing(make_source, tmp_path: Path) -> None:
    source = make_source()
    source.tokenizer.add_special_tokens({"pad_token": "[END]"})  # a row that the model lacks
    source.model.generation_config.eos_token_id = [0, len(source.tokenizer) - 1]
    Gguf(types=["F32"]).write(source, prompts_for(source), tmp_path)
    fields = gguf.GGUFReader(tmp_path / "toy-F32.gguf").fields
    ids = [fields[name].contents() for name in fields if name.endswith("_token_id")]
    assert ids and max(ids) < len(fields["tokenizer.ggml.tokens"].contents())


def test_fewer_bits_take_less_room_and_differ_more(make_source, tmp_path: Path) -> None:
    source = make_source()
    said = said_by(source)
    Gguf().write(source, prompts_for(source), tmp_path)
    order = ["F32", "F16", "Q8_0", "Q4_0"]
    files = [tmp_path / f"toy-{name}.gguf" for name in order]
    sizes = [path.stat().st_size for path in files]
    assert sizes == sorted(sizes, reverse=True) and len(set(sizes)) == 4
    found = [compare(next(gguf_readers(path)), said).max_logit_difference for path in files]
    assert found == sorted(found) and found[0] < 1e-3 < found[2] < found[3]


def test_vectors_and_embeddings_keep_more_bits(make_source, tmp_path: Path) -> None:
    source = make_source()
    Gguf(types=["Q4_0"]).write(source, prompts_for(source), tmp_path)
    tensors = {
        t.name: t.tensor_type.name for t in gguf.GGUFReader(tmp_path / "toy-Q4_0.gguf").tensors
    }
    assert tensors["token_embd.weight"] == "Q8_0"
    assert tensors["blk.0.attn_q.weight"] == "Q4_0"
    assert tensors["blk.0.attn_norm.weight"] == "F32"
    assert "output.weight" not in tensors, "tied: readers take the embeddings"


def test_what_it_cannot_hold_is_told(make_source, toy_tokenizer) -> None:
    source = make_source(hidden_size=48, num_attention_heads=2, attention_bias=True)
    found = list(Gguf(types=["F16", "Q5"]).problems(source, prompts_for(source)))
    assert any("no type 'Q5'" in line for line in found)
    assert any("attention_bias=true" in line for line in found)
    [line] = [line for line in Gguf(types=["Q8_0"]).problems(source, []) if "blocks" in line]
    assert "hidden_size is 48" in line
    scaled = {"rope_type": "linear", "factor": 2.0, "rope_theta": 10000.0}
    source = make_source(rope_parameters=scaled)
    assert any("rope_type=linear" in line for line in Gguf().problems(source, []))
    source = make_source("qwen3", head_dim=32)
    assert any("head_dim=32" in line for line in Gguf().problems(source, []))
    source.__dict__["model"] = new_model(
        GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=len(toy_tokenizer)), 0
    )
    assert any("isn't one of llama, qwen2" in line for line in Gguf().problems(source, []))
