"""What the teacher solves of the problems that the students' curves are made of: the aim of these."""

from omegaconf import DictConfig

from core.config.build import build
from core.judgement.stage import load_core
from core.runs.artifacts import Artifact, fingerprint_of, plain, run_folder, write_json
from core.runs.console import Report
from core.runs.progress import reporting

VERSION = "1"  # raised when the same configuration gives another measurement
TEACHER = "teacher"


def is_aimed_at(cfg: DictConfig) -> bool:
    """Whether an arm of the run is watched by a watch of its own, as those with curves are."""
    return any(arm.get("watch") for arm in cfg.arms.values())


def judge_teacher(cfg: DictConfig, folder: str, file: str, report: Report | None = None) -> None:
    """Write a record of the teacher into `folder/teacher/file` of the run; what is measured is skipped."""
    run = run_folder(cfg)
    watch = next(arm.watch for arm in cfg.arms.values() if arm.get("watch"))
    inputs = {TEACHER: fingerprint_of(run / TEACHER, "teach")}
    artifact = Artifact(
        run / folder / TEACHER, {"watch": plain(watch), "seed": cfg.seed}, inputs, version=VERSION
    )
    if artifact.is_done(overwrite=True):
        return
    with artifact.writing() as place, reporting("judgement teacher", report):
        model, tokenizer = load_core(run / TEACHER)
        solved = build(watch)(tokenizer=tokenizer)(model)
        record = {"method": TEACHER, "seed": cfg.seed, "step": 0, "student_tokens": 0, **solved}
        write_json(place / file, {"training": [record]})
