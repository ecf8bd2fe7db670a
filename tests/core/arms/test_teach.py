"""`winnow teach`: what is kept of the teacher."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from safetensors.torch import load_file

from core.arms.teach import teach
from core.corpus.rows import Row
from core.corpus.stage import build_corpus
from core.errors import UserError
from core.runs.artifacts import run_folder

SETTINGS = [
    "run=it",
    "corpus=jsonl",
    "packing.vocab_size=320",
    "packing.sequence_length=48",
    "teacher.model.hidden_size=32",
    "teacher.model.num_hidden_layers=1",
    "teacher.model.intermediate_size=64",
    "teacher.train.num_steps=3",
    "teacher.train.batch_size=4",
]


@pytest.fixture
def cfg(rows: list[Row], configure: Callable[..., DictConfig], tmp_path: Path) -> DictConfig:
    (tmp_path / "C.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    cfg = configure(*SETTINGS, f"corpus.path={tmp_path / 'C.jsonl'}", f"runs_dir={tmp_path}")
    build_corpus(cfg)
    return cfg


def taught(cfg: DictConfig) -> dict[str, torch.Tensor]:
    cfg.overwrite = True
    teach(cfg)
    return load_file(run_folder(cfg) / "teacher" / "model.safetensors")


def test_an_edited_teacher_differs_in_its_mlps_alone(cfg: DictConfig) -> None:
    stock = taught(cfg)
    cfg.teacher.edit = "curvature"
    edited = taught(cfg)
    changed = {name for name in stock if not torch.equal(stock[name], edited[name])}
    assert changed == {name for name in stock if ".mlp." in name}


def test_a_misspelt_edit_is_named(cfg: DictConfig) -> None:
    cfg.teacher.edit = "curvatur"
    with pytest.raises(UserError, match="did you mean 'curvature'"):
        teach(cfg)
    assert not (run_folder(cfg) / "teacher").exists()
