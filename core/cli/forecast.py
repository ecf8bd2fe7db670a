"""What a run will do and take on this machine, before it does anything.

A step of training and one of reading are timed on the teacher's architecture with one layer and with two: all
layers cost as much as the second, so that even a large model's time is known in seconds.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from rich.table import Table
from transformers import PretrainedConfig

from core.arms.readings import readings_of_run
from core.arms.settings import arm_of
from core.arms.teach import learning_of, model_config
from core.cli.pool import Job
from core.corpus.stage import PackedCorpus
from core.errors import UserError
from core.models.continuing import Continuation
from core.models.cut import resized
from core.models.gate import traits_of
from core.models.loading import context_of, new_model
from core.models.precision import in_bfloat16
from core.models.sources import source_of
from core.models.taught import taught_logits
from core.runs import processes
from core.runs.artifacts import run_folder
from core.runs.console import console

LAYERS = "num_hidden_layers"
TIMES = 2  # steps timed, behind one that isn't
DAY = 86_400.0  # seconds
SAID, WRITTEN_TO = (
    48,
    150,
)  # texts that are written together, and the tokens that they have by then, about
ATTACKED = 32  # tokens of a text that an attack teaches, about
TRAINED, KEPT = 16, 4  # bytes a parameter: weights, gradients and Adam's two; weights alone
SAVED = 24  # of two checkpoints, each of weights and Adam's two


@dataclass(frozen=True)
class Pace:
    """Seconds a token takes to be read (in float32), to be trained on and to be written, and the model's
    parameters.
    """

    read: float
    train: float
    write: float
    parameters: int


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
    needs = f"{_size(memory)} for weights and gradients and {_size(disk)} in {run_folder(cfg)}"
    precision = "bfloat16" if in_bfloat16(cfg.training.precision) else "float32"
    told = f"training, mapping and attacks take about {_spelled(seconds)} on this machine, in {precision}, {needs}"
    rest = "evaluation comes on top"
    if cfg.forecast.plan:
        table = Table("stage", "what it does", "about", box=None, header_style="bold")
        for stage in stages:
            known = "" if stage.seconds is None else _spelled(stage.seconds)
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


def pace_of(cfg: DictConfig) -> Pace:
    """Timed with the threads that a job has; raises UserError as the teacher's source does."""
    pretrained = source_of(cfg)
    config = (
        model_config(cfg, cfg.packing.vocab_size) if pretrained is None else pretrained.config()
    )
    whole = int(getattr(config.get_text_config(), LAYERS, 1))
    threads = torch.get_num_threads()
    torch.set_num_threads(max(int(cfg.threads), 1))
    try:
        batch = cfg.distill.train.batch_size, cfg.packing.sequence_length
        reduced = in_bfloat16(cfg.training.precision)
        one = _timed(config, min(1, whole), *batch, reduced)
        two = _timed(config, min(2, whole), *batch, reduced)
    finally:
        torch.set_num_threads(threads)

    def all_layers(of: Callable[[Pace], float]) -> float:
        return of(one) + (whole - 1) * max(of(two) - of(one), 0.0)

    return Pace(
        all_layers(lambda pace: pace.read),
        all_layers(lambda pace: pace.train),
        all_layers(lambda pace: pace.write),
        int(all_layers(lambda pace: pace.parameters)),
    )


def _timed(
    config: PretrainedConfig, num_layers: int, batch_size: int, length: int, reduced: bool
) -> Pace:
    """The pace of a fresh model of so many layers, on a batch of nothing in particular."""
    device = processes.state().device
    model = new_model(resized(config, {LAYERS: num_layers}), 0).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    vocab_size = len(model.get_output_embeddings().weight)  # type: ignore[arg-type]
    ids_BT = torch.randint(vocab_size, (batch_size, length), device=device)
    positions_BT = torch.arange(length, device=device).expand(batch_size, length)

    def read() -> torch.Tensor:
        return taught_logits(model, ids_BT, positions_BT, ids_BT)

    def train() -> torch.Tensor:
        with torch.autocast(device.type, torch.bfloat16, enabled=reduced):
            loss = read().float().logsumexp(-1).mean()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    with torch.no_grad():
        reading = _seconds(read)
    training = _seconds(train)
    model.to(torch.bfloat16 if reduced else model.dtype)
    said_BT = torch.randint(vocab_size, (SAID, min(WRITTEN_TO, context_of(model) or WRITTEN_TO)))
    continuation = Continuation(model, said_BT.tolist(), keep=traits_of(model).keeps)

    @torch.no_grad()
    def write() -> torch.Tensor:
        found = continuation.logits().double().softmax(1).cumsum(1)
        continuation.append(torch.zeros(SAID, 1, dtype=torch.long, device=device))
        return found

    writing = _seconds(write)
    per_token = reading / ids_BT.numel(), training / ids_BT.numel(), writing / SAID
    return Pace(*per_token, model.num_parameters())


def _seconds(step: Callable[[], torch.Tensor]) -> float:
    step().sum().item()
    began = time.perf_counter()
    for _ in range(TIMES):
        step().sum().item()  # waits for a GPU
    return (time.perf_counter() - began) / TIMES


def _stage(job: Job, pace: Pace) -> Stage:
    cfg = job.cfg
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
        return Stage(job.name, f"reads {read}, about {passes} times", seconds)
    if job.verb == "corpus" and "exercises" in cfg.corpus:
        tokens = round(cfg.corpus.num_tokens * (1 - cfg.corpus.exercises))
        return Stage(job.name, f"the teacher writes {tokens:,} tokens", tokens * pace.write)
    if job.verb == "attack":
        steps = sum(map(_attacked, cfg.attack.values()))
        return Stage(job.name, f"trains {steps:,} texts", steps * ATTACKED * pace.train)
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


def _size(gigabytes: float) -> str:
    return f"{gigabytes:,.1f} GB" if gigabytes >= 1 else f"{1000 * gigabytes:,.0f} MB"


def _spelled(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    if seconds < 5400:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds / 3600:.1f} hours" if seconds < 2 * DAY else f"{seconds / DAY:.1f} days"
