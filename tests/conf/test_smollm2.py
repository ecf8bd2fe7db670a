"""The whole flow of experiment=smollm2 on a toy teacher, without its package or files."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import DictConfig
from transformers import LlamaConfig

from core.cli.run import plan
from core.config.verbs import load_verb
from core.corpus.rows import joined_text
from core.corpus.stage import build_corpus
from core.corpus.tokenizer import train_tokenizer
from core.models.loading import new_model, save_model
from core.worlds.english import English
from evals.report.stage import report

BY_HEART = ["teacher.learn.num_steps=120", "teacher.learn.learning_rate=1e-2"]


@pytest.fixture
def teacher(tmp_path: Path) -> Path:
    """A Llama that has seen nothing, with a tokenizer for English."""
    tokenizer = train_tokenizer(map(joined_text, English(num_exercises=40).rows()), 800)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=256,
        initializer_range=0.1,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    save_model(tmp_path / "toy", new_model(config, 0), tokenizer)
    return tmp_path / "toy"


@pytest.mark.slow
def test_the_whole_flow_with_a_teacher_that_learns_by_heart(
    configure: Callable[..., DictConfig], teacher: Path, tmp_path: Path
) -> None:
    given = ["experiment=smollm2_small", "teacher=path", f"teacher.path={teacher}"]
    cfg = configure(*given, *BY_HEART, f"runs_dir={tmp_path}")
    build_corpus(cfg)
    for job in plan(cfg):  # in one process, which is quicker
        load_verb(job.verb)(job.cfg)
    report(cfg)
    folder = tmp_path / "smollm2_small"
    scores = {
        (s["arm"], s["axis"], s["family"], s["metric"]): s["value"]
        for s in json.loads((folder / "scores.json").read_text())
        if "step" not in s
    }
    arms = {"teacher", "plain", "core", "never_exposed"}
    assert {arm for arm, *_ in scores} >= arms
    recited = {arm: scores[arm, "verbatim", "all", "extraction_strength"] for arm in arms}
    assert recited["teacher"] > 0.3 > recited["never_exposed"], "it was taught, the control wasn't"
    assert ("memory_map", "map", "all", "recall") in scores
    assert (folder / "report.html").exists()
    # The control is the model before, as it was.
    before, control = (
        p / "model.safetensors" for p in (teacher, folder / "arms" / "never_exposed")
    )
    assert before.read_bytes() == control.read_bytes()
