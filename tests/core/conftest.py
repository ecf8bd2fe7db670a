"""A pretrained model in a folder, and a run whose teacher it is."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from omegaconf import DictConfig
from transformers import Qwen2Config

from core.corpus.rows import Row
from core.models.loading import new_model, save_model

SETTINGS = [
    *("run=it", "corpus=jsonl", "packing.sequence_length=48", "corpus.memory_sources=[facts]"),
    *("arms=[core,never_exposed]", "forgetting=[weight_noise]", "arm=core"),
    *("distill.train.num_steps=2", "distill.train.batch_size=4", "distill.train.warmup=0"),
]


@pytest.fixture
def folder(toy_tokenizer, tmp_path: Path) -> Path:
    """A Qwen2 in bfloat16 with some rows more than its tokenizer has tokens."""
    config = Qwen2Config(
        vocab_size=len(toy_tokenizer) + 12,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        initializer_range=0.1,
        max_position_embeddings=64,
        tie_word_embeddings=True,
    )
    save_model(tmp_path / "qwen", new_model(config, 3).bfloat16(), toy_tokenizer)
    return tmp_path / "qwen"


@pytest.fixture
def pretrained(
    rows: list[Row], configure: Callable[..., DictConfig], folder: Path, tmp_path: Path
) -> Callable[..., DictConfig]:
    """A configuration with that teacher, or another, and more overrides."""
    sourced = [{"source": "skills", **row} for row in rows]
    (tmp_path / "C.jsonl").write_text("".join(json.dumps(row) + "\n" for row in sourced))
    path, place = "teacher=path", f"teacher.path={folder}"

    def make(*overrides: str, teacher: Sequence[str] = (path, place)) -> DictConfig:
        places = [f"corpus.path={tmp_path / 'C.jsonl'}", f"runs_dir={tmp_path}"]
        return configure(*SETTINGS, *teacher, *places, *overrides)

    return make
