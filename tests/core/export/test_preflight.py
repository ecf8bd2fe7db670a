"""What stands in the way is told before any work, and all of it at once."""

import shutil
from collections import namedtuple
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from core.errors import UserError
from core.export import format as formats
from core.export.gguf import Gguf
from core.export.hf import HuggingFace
from core.export.onnx import Onnx
from core.export.preflight import check
from tests.core.export.conftest import prompts_for


def told(source, chosen: dict, target: Path) -> str:
    with pytest.raises(UserError) as caught:
        check(source, chosen, prompts_for(source), target)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_toy_can_be_exported(make_source, tmp_path: Path) -> None:
    source = make_source()
    check(source, {"hf": HuggingFace()}, prompts_for(source), tmp_path / "new" / "folder")
    assert not (tmp_path / "new").exists()


def test_all_problems_are_told_at_once(make_source, tmp_path: Path, monkeypatch) -> None:
    def find_spec(name: str) -> ModuleSpec | None:
        return None if name in ("gguf", "onnxruntime") else ModuleSpec(name, None)

    monkeypatch.setattr(formats, "find_spec", find_spec)
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(2, 1, 1))
    chosen = {"hf": HuggingFace(dtype="half"), "gguf": Gguf(types=["F16", "Q9"]), "onnx": Onnx()}
    line = told(make_source(hidden_act="gelu"), chosen, tmp_path)
    for problem in (
        "hf: no dtype 'half'",
        "gguf: needs gguf: pip install -c constraints.txt -e '.[export]'",
        "gguf: no type 'Q9'",
        "gguf: hidden_act=gelu",
        "onnx: needs onnxruntime: pip install",
        "0.0 GB free",
    ):
        assert problem in line


def test_what_training_added_has_to_be_gone(make_source, tmp_path: Path) -> None:
    source = make_source()
    file = source.folder / "model.safetensors"
    extra = {**load_file(file), "model.layers.0.mlp.sink.weight": torch.zeros(2)}
    save_file(extra, file, metadata={"format": "pt"})
    line = told(source, {"hf": HuggingFace()}, tmp_path)
    assert "1 weights aren't LlamaForCausalLM's, such as model.layers.0.mlp.sink.weight" in line


def test_weights_that_are_tied_and_differ_are_told(make_source, tmp_path: Path) -> None:
    source = make_source()
    file = source.folder / "model.safetensors"
    weights = load_file(file)
    own = weights["model.embed_tokens.weight"] + 1
    save_file({**weights, "lm_head.weight": own}, file, metadata={"format": "pt"})
    line = told(source, {"hf": HuggingFace()}, tmp_path)
    assert "the output weights differ from the embeddings" in line


def test_layers_that_share_a_weight_are_told(make_source, tmp_path: Path) -> None:
    source = make_source()
    first, second = source.model.model.layers
    second.mlp.up_proj.weight = first.mlp.up_proj.weight
    line = told(source, {"hf": HuggingFace()}, tmp_path)
    assert "model.layers.0.mlp.up_proj.weight and model.layers.1.mlp.up_proj.weight" in line
