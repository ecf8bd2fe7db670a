"""Model folders are whole and belong to their tokenizer."""

import json
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from core.models import check_vocabulary, load_model, load_tokenizer, save_model


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
    with pytest.raises(UserError, match=r"no file named model\.safetensors") as caught:
        load_model(tmp_path)
    assert "\n" not in str(caught.value)
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
