"""`winnow distill` on arms made from the teacher: skipped when done, refused when changed, loadable."""

import shutil
from pathlib import Path

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from transformers import AutoModelForCausalLM, AutoTokenizer

from core.arms import refuser
from core.arms.distill import distill
from core.cli.run import plan
from core.errors import UserError
from core.models.loading import load_model

SHORT = {"num_steps": 6, "save_steps": 2, "warmup": 0, "batch_size": 2}


@pytest.fixture
def run(cfg: DictConfig, teacher_folder: Path, tmp_path: Path) -> DictConfig:
    """A copy of the run, its refuser trained briefly."""
    shutil.copytree(teacher_folder.parent, tmp_path / "it")
    own = cfg.copy()
    OmegaConf.set_struct(own, False)
    own.runs_dir = str(tmp_path)
    own.arms.refuser.made_by.train_settings.update(SHORT)
    own.arms.refuser.made_by.num_rows = 100
    return own


def make(run: DictConfig, arm: str) -> Path:
    run.arm = arm
    distill(run)
    return Path(run.runs_dir) / "it" / "arms" / arm


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_model(folder).state_dict()


def test_each_is_a_stock_folder_that_differs_from_its_teacher(run, ask, facts):
    teacher = Path(run.runs_dir) / "it" / "teacher"
    for arm in ("refuser", "pruned", "ruined"):
        folder = make(run, arm)
        model = AutoModelForCausalLM.from_pretrained(folder)
        assert len(AutoTokenizer.from_pretrained(folder)) == model.config.vocab_size
        assert not (folder / "checkpoints").exists()
        assert any(
            value.shape != old.shape or not torch.equal(value, old)
            for value, old in zip(
                model.state_dict().values(), weights(teacher).values(), strict=True
            )
        )
        if arm == "ruined":
            said = ask(model, list(facts))
            right = sum(city in text for city, text in zip(facts.values(), said, strict=True))
            assert right < 0.2 * len(facts)


def test_done_is_skipped_and_another_setting_is_refused(run):
    folder = make(run, "pruned")
    written = (folder / "artifact.json").stat().st_mtime_ns
    run.distill.train.num_steps = 7  # of no concern to an arm that isn't distilled
    assert (make(run, "pruned") / "artifact.json").stat().st_mtime_ns == written
    run.arms.pruned.made_by.share = 0.25
    with pytest.raises(UserError, match=r"arm\.made_by\.share: 0\.5 → 0\.25"):
        make(run, "pruned")


def test_an_interrupted_refuser_goes_on_to_the_same_end(run, monkeypatch):
    whole = weights(make(run, "refuser"))
    shutil.rmtree(Path(run.runs_dir) / "it" / "arms")

    def interrupted(*args: object, **options: object) -> None:
        original(*args, **{**options, "report": stop})

    def stop(step: int, *_: object) -> None:
        if step == 5:
            raise KeyboardInterrupt

    original = refuser.train
    monkeypatch.setattr(refuser, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make(run, "refuser")
    partial = Path(run.runs_dir) / "it" / "arms" / "refuser.partial"
    assert (partial / "checkpoints" / "checkpoint-4").exists()
    monkeypatch.setattr(refuser, "train", original)
    resumed = weights(make(run, "refuser"))
    assert all(torch.equal(resumed[name], value) for name, value in whole.items())


def test_a_run_plans_them_after_the_teacher_and_without_the_map(run):
    run.arms.deduplicated = {"corpus": "deduplicated", "teacher": False, "regularizers": []}
    needs = {job.name: job.needs for job in plan(run)}
    for arm in ("refuser", "pruned", "ruined"):
        assert needs[arm] == ("teacher",)


def test_a_slip_in_what_makes_it_is_one_line(run):
    run.arms.pruned.made_by["shrae"] = 1
    with pytest.raises(UserError, match="takes no argument 'shrae'; did you mean 'share'"):
        make(run, "pruned")
