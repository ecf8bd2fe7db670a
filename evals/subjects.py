"""Find the scores that a run holds, of its own arms and of models from elsewhere, and collect them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from omegaconf import DictConfig

from core.config.build import build
from core.errors import UserError
from core.models.checkpoint import find_model, fingerprint_model, name_in_run
from core.runs.artifacts import MARK, SCORE_FOLDERS, read_mark, run_folder
from core.runs.console import console
from evals.asked_alike import asked_alike
from evals.recall.map_quality import map_quality
from evals.scores import Score, read_scores

SCORES, SAMPLES = "scores.json", "samples.jsonl"
VERDICT, PICTURE = "verdict.json", "frontier.png"  # of all arms together


def arms_there(cfg: DictConfig) -> list[str]:
    """The teacher and the arms of the configuration that have been trained."""
    return [arm for arm in ["teacher", *cfg.arms] if arm_folder(cfg, arm).is_dir()]


def arm_folder(cfg: DictConfig, arm: str) -> Path:
    """Where an arm of the run lies, or would."""
    run = run_folder(cfg)
    return run / "teacher" if arm == "teacher" else run / "arms" / arm


def measured(cfg: DictConfig) -> list[str]:
    """The names with scores in the run: the arms that are there, and each `model` measured into it."""
    marks = [mark for kind in SCORE_FOLDERS for mark in (run_folder(cfg) / kind).glob(f"*/{MARK}")]
    models = {m.parent.name for m in marks if "model" in read_mark(m.parent)["made_from"]["inputs"]}
    arms = arms_there(cfg)
    return [*arms, *sorted(models - set(arms))]


def measurements(cfg: DictConfig) -> Iterator[tuple[str, str, Path]]:
    """Each arm and `model`, what of it was measured (`evals`, `attacks` …), and the folder with that.

    What was measured of another checkpoint under the same name is left out, with a line that says so. So is
    what an arm was asked otherwise than the one that was measured last: they can't be compared.
    """
    return asked_alike(list(_of_checkpoints(cfg)), arms_there(cfg))


def _of_checkpoints(cfg: DictConfig) -> Iterator[tuple[str, str, Path]]:
    """What was measured of the checkpoints that are there."""
    for arm in measured(cfg):
        folders = {kind: run_folder(cfg) / kind / arm for kind in SCORE_FOLDERS}
        there = {kind: folder for kind, folder in folders.items() if (folder / MARK).exists()}
        own = _checkpoint(arm_folder(cfg, arm), list(there.values()))
        for kind, folder in there.items():
            if own is not None and _measured(folder) != own:
                verb = "attack" if kind == "attacks" else "eval"
                console.print(
                    f"{folder}: scores of another checkpoint, left out until `winnow {verb}` is run again",
                    style="yellow",
                )
                continue
            yield arm, kind, folder


def _checkpoint(arm: Path, folders: Sequence[Path]) -> str | None:
    """The fingerprint of the arm that is there now; of a model from elsewhere, that measured last."""
    if (arm / MARK).exists():
        return str(read_mark(arm)["fingerprint"])
    newest = max(folders, key=lambda folder: (folder / MARK).stat().st_mtime_ns, default=None)
    return None if newest is None else _measured(newest)


def _measured(folder: Path) -> str | None:
    """The fingerprint of the checkpoint whose scores lie in the folder."""
    inputs = read_mark(folder)["made_from"]["inputs"]
    found: str | None = inputs.get("arm", inputs.get("model"))
    return found


def sources(cfg: DictConfig) -> dict[str, Path]:
    """Where each model to measure lies, by name. Raises UserError when there is none."""
    if cfg.model is not None:
        return _elsewhere(cfg)
    arms = arms_there(cfg)
    if not arms:
        raise UserError(
            f"{run_folder(cfg)} has no arms yet: run `winnow teach` or `winnow run` first,"
            " or name any model with model=FOLDER"
        )
    return {arm: arm_folder(cfg, arm) for arm in arms}


def _elsewhere(cfg: DictConfig) -> dict[str, Path]:
    """Where `model` lies, under a name that no other model has in this run."""
    folder, run = find_model(cfg.model, "model"), run_folder(cfg)
    name = name_in_run(cfg.model, fingerprint_model(folder), run)
    own = Path(cfg.model).resolve().name
    if name != own:
        console.print(f"{run} has scores of another '{own}': this one is '{name}'", style="yellow")
    return {name: folder}


def collect(cfg: DictConfig) -> list[Score]:
    """The scores of all arms of one run, of models from elsewhere, and of its memory map."""
    run = run_folder(cfg)
    scores: list[Score] = []
    for _, _, folder in measurements(cfg):
        if (folder / SCORES).exists():
            scores += read_scores(folder / SCORES)
    if (run / "memory_map").exists() and hasattr(corpus := build(cfg.corpus), "spans"):
        scores += map_quality(run, corpus.spans())
    return scores
