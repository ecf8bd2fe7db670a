"""Model folders are whole and belong to their tokenizer."""

import copy
import json
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, processors
from transformers import PreTrainedTokenizerFast

from core.errors import UserError
from core.models.loading import check_vocabulary, load_model, load_tokenizer, save_model


def test_saved_and_loaded_is_the_same(make_llama, toy_tokenizer, tmp_path: Path) -> None:
    model = make_llama()
    save_model(tmp_path, model, toy_tokenizer)
    loaded = load_model(tmp_path)
    assert all(torch.equal(w, loaded.state_dict()[n]) for n, w in model.state_dict().items())
    assert loaded.dtype == torch.float32


def test_a_folder_without_a_whole_model_is_told(make_llama, toy_tokenizer, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"config\.json"):
        load_model(tmp_path)
    save_model(tmp_path, make_llama(), toy_tokenizer)
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(UserError, match="can't load a model") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_pickled_weights_and_code_of_a_checkpoint_are_refused(make_llama, tmp_path: Path) -> None:
    model = make_llama()
    model.config.save_pretrained(tmp_path)
    torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
    with pytest.raises(UserError, match=r"pickled \(pytorch_model\.bin\)") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)
    (tmp_path / "pytorch_model.bin").unlink()
    config = {"model_type": "own", "auto_map": {"AutoModelForCausalLM": "code.Own"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "code.py").write_text("raise SystemExit('ran')")
    with pytest.raises(UserError, match="can't load a model") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)


def test_a_name_on_the_hub_is_looked_up_only_when_asked_for() -> None:
    with pytest.raises(UserError, match="no model folder at some/model"):
        load_model("some/model")
    with pytest.raises(UserError, match="can't load a model from some/model"):
        load_model("some/model", hub=True)  # asked for, and offline
    with pytest.raises(UserError, match="no model folder at no such/folder"):
        load_tokenizer("no such/folder", hub=True)


def test_another_vocabulary_is_refused(make_llama, toy_tokenizer) -> None:
    check_vocabulary(make_llama(), toy_tokenizer, "the teacher")
    with pytest.raises(UserError, match="the teacher has 40 embedding rows"):
        check_vocabulary(make_llama(vocab_size=40), toy_tokenizer, "the teacher")


def test_tokens_beyond_the_rows_are_refused_unless_no_text_has_them(
    make_llama, toy_tokenizer
) -> None:
    model = make_llama()
    padded = copy.deepcopy(toy_tokenizer)
    padded.add_special_tokens({"pad_token": "[PAD]"})
    assert len(padded) == len(toy_tokenizer) + 1
    check_vocabulary(model, padded, "the teacher")

    opening = copy.deepcopy(padded)
    opening.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[PAD] $A", special_tokens=[("[PAD]", padded.pad_token_id)]
    )
    with pytest.raises(UserError, match=r"such as '\[PAD\]' with the id 320"):
        check_vocabulary(model, opening, "the teacher")

    spec = json.loads(toy_tokenizer.backend_tokenizer.to_str())
    last = max(spec["model"]["vocab"], key=spec["model"]["vocab"].get)
    spec["model"]["vocab"][last] = 500  # as many tokens as rows, and one of them far off
    hole = PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps(spec)))
    assert len(hole.get_vocab()) == 320
    with pytest.raises(
        UserError, match=r"320 embedding rows .* with the id 500: they don't belong"
    ):
        check_vocabulary(model, hole, "the teacher")
