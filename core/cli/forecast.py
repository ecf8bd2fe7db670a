"""What a run will do and take on this machine, before it does anything."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from core.arms.readings import readings_of_run
from core.arms.settings import arm_of
from core.arms.teach import learning_of
from core.cli.pace import Pace, pace_of
from core.cli.pool import Job
from core.config.build import build
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.precision import in_bfloat16
from core.night.day import days_of
from core.runs.amounts import DAY, about, spelled, spelled_size
from core.runs.artifacts import MARK, run_folder
from core.runs.console import console
from core.writing.written import Written

ATTACKED = 32  # tokens of a text that an attack teaches, about
TRAINED, KEPT = 16, 4  # bytes a parameter: weights, gradients and Adam's two; weights alone
SAVED = 24  # of two checkpoints, each of weights and Adam's two
COPIES = 3  # of the core, that learn a day beside it
# Where a verb leaves what takes long.
FOLDERS = {
    "corpus": "corpus",
    "teach": "teacher",
    "map": "memory_map",
    "cache": "teacher_cache",
    "distill": "arms/{arm}",
    "value": "values/{arm}",
    "attack": "attacks/{arm}",
    "eval": "evals/{arm}",
}


@dataclass(frozen=True)
class Stage:
    """A job, what it does in words, and its seconds; None where these depend on what isn't there yet."""

    name: str
    what: str
    seconds: float | None


def announce(cfg: DictConfig, jobs: Sequence[Job]) -> None:
    """Tell in a line what a run will take, or stage by stage with `forecast.plan`.

    Raises UserError where training and mapping will take over a day and not `forecast.long`.
    """
    pace = pace_of(cfg)
    stages = [_stage(job, pace) for job in jobs]
    seconds = sum(stage.seconds or 0.0 for stage in stages)
    side_by_side = min(int(cfg.jobs), max(len(jobs), 1))
    seconds /= max(side_by_side, 1)
    memory = side_by_side * (TRAINED + KEPT) * pace.parameters / 1e9
    disk = (len(cfg.arms) * KEPT + side_by_side * SAVED) * pace.parameters / 1e9
    needs = f"{spelled_size(memory)} for weights and gradients and {spelled_size(disk)} in {run_folder(cfg)}"
    precision = "bfloat16" if in_bfloat16(cfg.training.precision) else "float32"
    told = (
        f"training, mapping and attacks take {about(seconds)} on this machine, in {precision}, "
        f"{needs}"
    )
    rest = "evaluation comes on top"
    if cfg.forecast.plan:
        table = Table("stage", "what it does", "about", box=None, header_style="bold")
        for stage in stages:
            known = spelled(stage.seconds) if stage.seconds else ""
            table.add_row(stage.name, stage.what, known)
        console.print(table)
        console.print(f"{len(jobs)} stages, {side_by_side} side by side: {told}; {rest}")
    else:
        console.print(f"{len(jobs)} stages: {told}; {rest} (--plan tells more)", style="dim")
    if seconds > DAY and not cfg.forecast.long and not cfg.forecast.plan:
        would = told.replace("take", "would take", 1)
        raise UserError(
            f"{would}: choose fewer steps (distill.train.num_steps) or a smaller teacher,"
            " or add --long (forecast.long=true)"
        )


def _stage(job: Job, pace: Pace) -> Stage:
    """What is there counts as done: a stage that finds it made otherwise will refuse it, and say so."""
    cfg = job.cfg
    folder = FOLDERS.get(job.verb, "").format(arm=cfg.arm)
    if folder and not cfg.overwrite and (run_folder(cfg) / folder / MARK).exists():
        return Stage(job.name, "is there", 0.0)
    if job.verb == "teach":
        return Stage(job.name, *_teaching(cfg, pace))
    if job.verb == "distill":
        return Stage(job.name, *_distilling(cfg, pace))
    if job.verb in ("map", "cache"):
        tokens, passes = (
            _tokens(cfg, job.verb),
            _passes(cfg) if job.verb == "map" else _readings(cfg),
        )
        seconds = None if tokens is None else tokens * passes * pace.read
        read = "the corpus" if tokens is None else f"{tokens:,} tokens"
        often = "once" if passes == 1 else f"about {passes} times"
        return Stage(job.name, f"reads {read}, {often}", seconds)
    if job.verb == "corpus" and isinstance(build(cfg.corpus), Written):
        tokens = round(cfg.corpus.num_tokens * (1 - cfg.corpus.exercises))
        return Stage(job.name, f"the teacher writes {tokens:,} tokens", tokens * pace.write)
    if job.verb == "attack":
        steps = sum(map(_attacked, cfg.attack.values()))
        what = f"trains {steps:,} texts" if steps else "trains nothing"
        return Stage(job.name, what, steps * ATTACKED * pace.train)
    if job.verb == "value":
        tokens = cfg.value.num_problems * cfg.value.num_solutions * cfg.value.max_tokens
        return Stage(job.name, f"writes at most {tokens:,} tokens", tokens * pace.write)
    if job.verb == "nights":
        return Stage(job.name, *_living(cfg, pace))
    return Stage(job.name, {"eval": "asks all probes"}.get(job.verb, ""), None)


def _passes(cfg: DictConfig) -> int:
    """Of mapping: the teacher's, the reference's, and about one of renamed texts, where these are needed."""
    renames = "Renaming" in OmegaConf.to_yaml(cfg.memory_map.scorer)
    return 1 + (cfg.memory_map.reference is not None) + renames


def _attacked(attack: DictConfig) -> int:
    """The texts that an attack teaches: relearning twice at each rate, true ones and false ones."""
    if "steps" not in attack or "batch_size" not in attack:
        return 0
    copies = 2 * len(attack.learning_rates) if "learning_rates" in attack else 1
    return int(max(attack.steps) * attack.batch_size * copies)


def _teaching(cfg: DictConfig, pace: Pace) -> tuple[str, float]:
    settings = cfg.teacher.train if "train" in cfg.teacher else learning_of(cfg)
    if settings is None:
        return "takes it as it is", 0.0
    return _steps(settings, cfg, pace.train)


def _distilling(cfg: DictConfig, pace: Pace) -> tuple[str, float | None]:
    arm = arm_of(cfg)
    if "made_by" in arm:
        return "makes it from the teacher", None
    settings = {**cfg.distill.train, **(arm.get("train") or {})}
    is_live = arm.teacher and cfg.distill.signal == "live"
    return _steps(settings, cfg, pace.train + (pace.read if is_live else 0.0))


def _living(cfg: DictConfig, pace: Pace) -> tuple[str, float]:
    """All days of a life, each with as many steps as a night may take."""
    own, days = cfg.night, len(days_of(cfg))
    _, learning = _steps(own.train, cfg, pace.train)
    _, copying = _steps(own.copies, cfg, COPIES * pace.train)
    writing = 2 * own.dreams.count * own.dreams.num_tokens * pace.write
    told = "a day" if days == 1 else f"{days} days"
    return f"lives through {told}", days * (learning + copying + writing)


def _steps(settings: Any, cfg: DictConfig, pace: float) -> tuple[str, float]:
    size = settings["batch_size"] * settings["accumulation"] * cfg.packing.sequence_length
    steps = settings["num_steps"]
    return f"trains {steps:,} steps of {size:,} tokens", steps * size * pace


def _tokens(cfg: DictConfig, verb: str) -> int | None:
    """Those of the corpus that are read, if it is there."""
    wanted = (cfg.memory_map if verb == "map" else cfg.cache).num_sequences
    try:
        count = len(PackedCorpus.of(cfg).sequences())
    except UserError:
        if wanted is None:
            return None
        count = wanted
    return int(min(count, wanted or count) * cfg.packing.sequence_length)


def _readings(cfg: DictConfig) -> int:
    """How often the teacher reads the corpus for its cache."""
    return sum(readings.count(cfg) for readings in readings_of_run(cfg))
