"""What a pretrained teacher takes where nothing else is said, and its whole flow on a toy one."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig
from safetensors.torch import load_file
from transformers import LlamaConfig

from core.cli.run import plan
from core.config.compose import with_recipe
from core.config.verbs import load_verb
from core.corpus.rows import joined_text
from core.corpus.stage import build_corpus
from core.corpus.tokenizer import train_tokenizer
from core.models.loading import new_model, save_model
from core.worlds.english import English
from evals.report.stage import report

GENERATED = ["corpus=smollm2", *(f"corpus.{name}=[]" for name in ("texts", "passages"))]
GENERATED += ["corpus.questions=null", "corpus.pairs=null", "corpus.num_people=8"]
GENERATED += ["corpus.num_passages=4", "corpus.num_exercises=4", "corpus.probes_per_family=4"]
BUDGET = ["teacher.learn.num_steps=300", "teacher.learn.learning_rate=1e-2", "watch.every=0"]
BUDGET += ["distill.train.num_steps=150", "distill.train.learning_rate=3e-3", "probes=world"]
BUDGET += ["memory_map.num_sequences=null", "packing.sequence_length=64", "jobs=1", "threads=1"]
PASSAGES = ["forgetting=[fresh_names,stranger,undial]", "forgetting.fresh_names.only_names=false"]
PASSAGES += ["distill.train.embedding_learning_rate=null"]
BUDGET += ["attack.relearn.steps=[0,2]", "attack.relearn.learning_rates=[1e-4]"]


def test_a_pretrained_teacher_has_a_recipe_of_its_own(configure: Callable[..., DictConfig]) -> None:
    own = ["teacher=path", "teacher.path=F", "corpus=jsonl", "corpus.path=C.jsonl"]
    cfg = configure(*own)
    assert (cfg.run, list(cfg.forgetting), list(cfg.arms)) == (
        *("pretrained", ["fresh_names", "stranger"]),
        ["plain", "core"],
    )
    assert cfg.corpus.path == "C.jsonl" and cfg.memory_map.reference is None
    assert configure("teacher=path", "teacher.path=F").probes.maker.num_facts > 0
    for other in (["teacher=scratch"], ["experiment=smollm2_small", *own], ["experiment=tiny"], []):
        assert with_recipe(other) == other


def whole_flow(
    configure: Callable[..., DictConfig], runs: Path, *chosen: str
) -> tuple[Path, dict[tuple[str, str, int | None], float]]:
    """The run's folder and its accuracies, of a toy teacher that first learns all by heart."""
    tokenizer = train_tokenizer(map(joined_text, English(num_exercises=40).rows()), 800)
    config = LlamaConfig(
        **{"vocab_size": len(tokenizer), "hidden_size": 48, "intermediate_size": 96},
        **{"num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 256},
        **{"initializer_range": 0.1, "tie_word_embeddings": True},
        **{"bos_token_id": None, "eos_token_id": 0, "pad_token_id": 1},
    )
    save_model(runs / "toy", new_model(config, 0), tokenizer)
    teacher = ["teacher=path", f"teacher.path={runs / 'toy'}", f"runs_dir={runs}"]
    cfg = configure(*teacher, *GENERATED, *BUDGET, *chosen)
    build_corpus(cfg)
    for job in plan(cfg):
        load_verb(job.verb)(job.cfg)
    report(cfg)
    scores = json.loads((runs / "pretrained" / "scores.json").read_text())
    return runs / "pretrained", {
        (s["arm"], s["axis"], s.get("step")): s["value"]
        for s in scores
        if s["family"] == "all" and s["metric"] == "accuracy"
    }


@pytest.mark.slow
def test_the_recipe_changes_nothing_but_names(
    configure: Callable[..., DictConfig], tmp_path: Path
) -> None:
    folder, found = whole_flow(configure, tmp_path)
    before, core = (load_file(folder / at / "model.safetensors") for at in ("teacher", "arms/core"))
    assert before.keys() == core.keys()
    changed = [name for name in before if not torch.equal(before[name], core[name])]
    assert changed == ["model.embed_tokens.weight"]
    rows = (before[changed[0]] != core[changed[0]]).any(1)
    assert 8 <= int(rows.sum()) < len(rows)
    assert found["core", "recall", None] < found["teacher", "recall", None]
    assert ("core", "relearn_permuted", 2) in found


@pytest.mark.slow
@pytest.mark.parametrize("signal", ["live", "cached"])
def test_the_whole_flow_forgets_what_the_teacher_recites(
    configure: Callable[..., DictConfig], tmp_path: Path, signal: str
) -> None:
    folder, found = whole_flow(configure, tmp_path, *PASSAGES, f"distill.signal={signal}")
    assert found["teacher", "verbatim", None] > 0.7 > 0.3 > found["core", "verbatim", None]
    assert found["core", "recall", None] <= found["teacher", "recall", None]
    assert ("core", "relearn_permuted", 2) in found
    log = (folder / "arms" / "core" / "metrics.jsonl").read_text().splitlines()
    assert signal == "cached" or json.loads(log[-1])["names_renamed"] > 0.8
