"""Toy checkpoints of the families that are exported, and a run folder that holds one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from transformers import LlamaConfig, Qwen2Config, Qwen3Config

from core.export.parity import Spoken, ask
from core.export.prompts import Prompt
from core.export.source import Source
from core.models.loading import new_model, save_model
from core.runs.artifacts import Artifact, write_json

SIZES = {
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.3,
    "bos_token_id": None,
    "eos_token_id": 0,
    "pad_token_id": 1,
}
FAMILIES = {
    "llama": (LlamaConfig, {"tie_word_embeddings": True}),
    "llama untied": (LlamaConfig, {"tie_word_embeddings": False, "head_dim": 32}),
    "qwen2": (Qwen2Config, {"tie_word_embeddings": False}),
    "qwen3": (Qwen3Config, {"tie_word_embeddings": True, "head_dim": 128}),
}
TEXTS = ["Ada lives in", "Turn around: red blue now", "Turn around: tall 12 + 34 now now"]

MakeSource = Callable[..., Source]


@pytest.fixture
def make_source(toy_tokenizer, tmp_path: Path) -> MakeSource:
    """A saved toy model of a family, with random biases and norms where it has any."""

    def make(family: str = "llama", **sizes: object) -> Source:
        kind, own = FAMILIES[family]
        model = new_model(kind(**{**SIZES, "vocab_size": len(toy_tokenizer), **own, **sizes}), 0)
        generator = torch.Generator().manual_seed(0)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.ndim == 1:
                    weight.add_(torch.randn(weight.shape, generator=generator) / 5)
        folder = tmp_path / "toy"
        save_model(folder, model, toy_tokenizer)
        return Source("toy", "model", folder, tmp_path, "f")

    return make


def prompts_for(source: Source) -> list[Prompt]:
    return [Prompt(text, source.tokenizer(text)["input_ids"]) for text in TEXTS]


def said_by(source: Source) -> list[Spoken]:
    return ask(source.model, prompts_for(source), num_tokens=3)


def finish(folder: Path, config: object, inputs: dict, files: dict[str, object]) -> str:
    """Write a done artifact; its fingerprint."""
    artifact = Artifact(folder, config, inputs)
    with artifact.writing() as partial:
        for name, value in files.items():
            write_json(partial / name, value)
    return artifact.fingerprint


def write_run(run: Path, source: Source, seed: int = 0) -> str:
    """A run whose core is the toy model; the core's fingerprint."""
    corpus = finish(run / "corpus", {"corpus": {"_target_": "core.worlds.world.World"}}, {}, {})
    teacher = finish(run / "teacher", {"seed": seed}, {"corpus": corpus}, {})
    arm = {"arm": {"corpus": "full", "teacher": True}, "forgetting": {"weight_noise": {}}}
    core = Artifact(run / "arms" / "core", arm, {"corpus": corpus, "teacher": teacher})
    with core.writing() as folder:
        save_model(folder, source.model, source.tokenizer)
    return core.fingerprint


@pytest.fixture
def toy_run(make_source: MakeSource, tmp_path: Path, configure) -> DictConfig:
    """The configuration of a run whose core is made, and not measured."""
    write_run(tmp_path / "runs" / "toy", make_source())
    lines = [json.dumps({"prompt": text}) + "\n" for text in TEXTS]
    probes = tmp_path / "P.jsonl"
    probes.write_text("".join(lines))
    given = ["run=toy", f"runs_dir={tmp_path / 'runs'}", "probes=jsonl", f"probes.path={probes}"]
    return configure(*given, "export.num_tokens=3")
