"""One arm on a real run folder: killed and resumed, and what is refused."""

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import open_dict
from safetensors.torch import load_file, save_file

from core.arms.distill import distill
from core.arms.settings import VARIANTS, check_arms
from core.cli.main import main
from core.cli.run import needs_of
from core.corpus.stage import PackedCorpus
from core.errors import UserError

ARM = ["experiment=smoke", "run=copy", "arm=core"]
LONG = ["distill.train.num_steps=60", "distill.train.save_steps=3", "distill.train.warmup=0"]


@pytest.fixture
def runs(smoke_arms: Path, tmp_path: Path) -> Path:
    """A folder of runs with a copy of the smoke run in it, its core still to be made."""
    shutil.copytree(smoke_arms, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "arms" / "core")
    return tmp_path


@pytest.fixture
def refused(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Run a command that must end in one line and status 2; the line."""

    def run(*argv: str) -> str:
        capsys.readouterr()
        assert main(argv) == 2
        _, err = capsys.readouterr()
        assert err.startswith("winnow: ") and err.count("\n") == 1
        return err.strip()

    return run


@pytest.mark.slow
def test_a_killed_run_ends_as_an_uninterrupted_one(runs: Path, configure) -> None:
    command = [*ARM, *LONG, f"runs_dir={runs}"]
    arms = runs / "copy" / "arms"
    process = subprocess.Popen(
        [sys.executable, "-m", "core.cli", "distill", *command], cwd=Path(__file__).parents[3]
    )
    saved = arms / "core.partial" / "checkpoints"
    while process.poll() is None and not list(saved.glob("checkpoint-*/trainer_state.json")):
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it must still have been at work"
    assert not (arms / "core").exists()

    distill(configure(*command))
    resumed = load_file(arms / "core" / "model.safetensors")
    assert not (arms / "core" / "checkpoints").exists()
    assert not (arms / "core.partial").exists()
    shutil.rmtree(arms / "core")
    distill(configure(*command))
    whole = load_file(arms / "core" / "model.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)


@pytest.mark.slow
def test_slips_and_missing_inputs_are_one_line(runs: Path, refused) -> None:
    run = [*ARM, f"runs_dir={runs}"]
    for change, said in {
        "arm=coer": "arm=coer isn't among arms=[plain, core, never_exposed, rebound, dedupl",
        "student.start=techer": "did you mean 'teacher'?",
        "student.num_hidden_layers=9": "is more than the teacher's 2",
        "forgetting.fresh_embeddings.strength=2": "strength must lie between 0 and 1",
        "run=none": "run `winnow corpus` first",
        "arms.plain.regularizers=[weight_nois]": "'weight_nois'; did you mean 'weight_noise'?",
        "arms.rebound.corpus=rebond": "arms.rebound.corpus=rebond: no such corpus; did you mean 'reb",
    }.items():
        assert said in refused("distill", *run, change), change
    shutil.rmtree(runs / "copy" / "memory_map")
    assert "run `winnow map` first" in refused("distill", *run)
    assert not list((runs / "copy" / "arms").glob("core*")), "nothing is half-written"


def test_a_refused_overwrite_leaves_the_arm_as_it_was(runs: Path, refused) -> None:
    plain = runs / "copy" / "arms" / "plain"
    before = {path.name: path.read_bytes() for path in plain.iterdir()}
    run = ["experiment=smoke", "run=copy", "arm=plain", f"runs_dir={runs}", "overwrite=true"]
    assert "more than the teacher's 2" in refused("distill", *run, "student.num_hidden_layers=9")
    assert {path.name: path.read_bytes() for path in plain.iterdir()} == before


def test_an_arm_may_take_other_steps(runs: Path, configure) -> None:
    cfg = configure(*ARM, f"runs_dir={runs}")
    with open_dict(cfg):
        cfg.arms.core.train = {"num_steps": 1}
    distill(cfg)
    lines = (runs / "copy" / "arms" / "core" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1]


def test_an_arm_may_start_where_another_ended(runs: Path, configure) -> None:
    cfg = configure(*ARM, f"runs_dir={runs}", "forgetting=[weight_noise]")
    with open_dict(cfg):
        cfg.arms.core.update(start="plain", train={"num_steps": 0}, regularizers=[])
    assert needs_of(cfg, "plain") == ["teacher"]
    assert needs_of(cfg, "core") == ["plain", "teacher"]
    distill(cfg)
    core, plain = (
        load_file(runs / "copy" / "arms" / name / "model.safetensors") for name in ("core", "plain")
    )
    assert all(torch.equal(core[name], plain[name]) for name in plain)
    for wrong in ("plian", "core"):
        cfg.arms.core.start = wrong
        with pytest.raises(UserError, match=rf"arms.core.start={wrong}: no other arm"):
            check_arms(cfg)


def test_an_arm_may_be_a_smaller_student(runs: Path, configure) -> None:
    cfg = configure(*ARM, f"runs_dir={runs}")
    with open_dict(cfg):
        cfg.arms.core.update(student={"num_hidden_layers": 1}, train={"num_steps": 1})
    distill(cfg)
    weights = load_file(runs / "copy" / "arms" / "core" / "model.safetensors")
    assert {name.split(".")[2] for name in weights if ".layers." in name} == {"0"}


def test_the_variants_are_those_that_the_corpus_has(runs: Path, configure) -> None:
    corpus = PackedCorpus.of(configure(*ARM, f"runs_dir={runs}"))
    assert sorted(corpus.variants) == sorted(VARIANTS)


def test_a_teacher_with_another_vocabulary_is_refused(runs: Path, refused, make_llama) -> None:
    teacher = runs / "copy" / "teacher"
    make_llama(vocab_size=40).save_pretrained(teacher)
    mark = json.loads((teacher / "artifact.json").read_text())
    (teacher / "artifact.json").write_text(json.dumps({**mark, "files": {}}))
    line = refused("distill", *ARM, f"runs_dir={runs}")
    assert "the teacher has 40 embedding rows but the tokenizer has" in line


@pytest.mark.parametrize(
    ("changed", "stale", "made_by"),
    [("teacher", "memory_map", "map"), ("corpus", "teacher", "teach")],
)
def test_what_was_made_for_another_teacher_or_corpus_is_refused(
    changed: str, stale: str, made_by: str, runs: Path, refused
) -> None:
    path = runs / "copy" / changed / "artifact.json"
    mark = json.loads(path.read_text())
    was, mark["fingerprint"] = mark["fingerprint"], "fedcba9876543210"
    path.write_text(json.dumps(mark))
    line = refused("distill", *ARM, f"runs_dir={runs}")
    assert f"{stale} was made for another {changed} ({was}; the one there now is fedcba" in line
    assert line.endswith(f"run `winnow {made_by} overwrite=true`")


def test_arms_are_not_asked_about_another_world(runs: Path, refused) -> None:
    for verb in ("eval", "attack"):
        line = refused(verb, "experiment=smoke", "run=copy", f"runs_dir={runs}", "seed=5")
        assert "copy/corpus was made from another configuration (corpus.seed: 0 → 5)" in line


def test_a_core_with_fewer_layers_is_inherited(runs: Path, configure) -> None:
    distill(configure(*ARM, f"runs_dir={runs}", "student.num_hidden_layers=1"))
    weights = load_file(runs / "copy" / "arms" / "core" / "model.safetensors")
    assert {name.split(".")[2] for name in weights if ".layers." in name} == {"0"}


def test_a_damaged_artifact_is_told_before_it_is_read(runs: Path, refused) -> None:
    weights = runs / "copy" / "arms" / "plain" / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    run = ["experiment=smoke", "run=copy", f"runs_dir={runs}"]
    for verb in (["eval", "arm=plain"], ["attack", "arm=plain"], ["distill", "arm=plain"]):
        assert "model.safetensors is altered or truncated" in refused(*verb, *run)
    tensors = load_file(runs / "copy" / "teacher" / "model.safetensors")
    tensors["lm_head.weight"] = tensors["model.embed_tokens.weight"] + 1
    save_file(tensors, runs / "copy" / "teacher" / "model.safetensors")
    assert "teacher/model.safetensors is altered" in refused("map", *run, "overwrite=true")


@pytest.mark.slow
def test_another_configuration_is_refused_and_overwrite_takes_it(runs: Path, refused) -> None:
    run = ["distill", "experiment=smoke", "run=copy", "arm=plain", f"runs_dir={runs}"]
    line = refused(*run, "distill.label_weight=0.25")
    assert "distill.label_weight: 0.5 → 0.25" in line and "overwrite=true" in line
    assert main([*run, "distill.label_weight=0.25", "overwrite=true"]) == 0
    assert main([*run, "distill.label_weight=0.25"]) == 0
