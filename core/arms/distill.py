"""`winnow distill`: train one arm."""

import shutil
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from omegaconf import DictConfig, OmegaConf
from transformers import PreTrainedModel

from core.arms.maker import Maker, Material
from core.arms.readings import readings_by_arm
from core.arms.settings import arm_of, check_arms, forgetting_of, regularizers_of
from core.arms.start import check_start, start_of
from core.arms.teach import identity_before, run_teacher
from core.arms.written import author_of, check_written, rows_of_sources
from core.config.build import build
from core.corpus.stage import FULL, PackedCorpus
from core.errors import UserError
from core.models.loading import save_model
from core.runs import processes
from core.runs.artifacts import Artifact, arm_name, fingerprint_of, plain, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.cached import CachedTeacher
from core.signal.divergence import divergence_of
from core.signal.live import LiveTeacher
from core.signal.memory_map import MemoryMap
from core.signal.signal import Teacher
from core.training.lesson import Lesson
from core.training.loop import train
from core.training.readings import DrawnReadings
from core.training.regularizer import Regularizer

VERSION = "5"  # raised when the same configuration gives another arm


def distill(cfg: DictConfig, report: Report | None = None) -> None:
    """Train the arm named by `arm` into `arms/<arm>/`, a Hugging Face folder.

    An arm with a teacher is distilled from it, and may start from the teacher's weights. An arm without one
    learns from the text alone: it starts fresh, or from the pretrained model as it was before the teacher
    read the text, so that nothing that the teacher learned there can reach it. An arm with `made_by` is made
    from the teacher by that function, without distillation.

    An arm's `student`, `distill`, `train` and `watch` override the configuration's. With `start` it begins
    where that other arm ended. With `sources` it reads only the rows that have one of these. With
    `distill.on_policy` it writes that share of the batches itself, to be graded by its teacher or, with
    `outcome`, by the checker of the problem.
    """
    check_arms(cfg)
    arm = arm_of(cfg)
    own = {"arm": arm_name(cfg)} | {key: arm.get(key) or {} for key in ("student", "distill")}
    cfg = OmegaConf.merge(cfg, own)  # type: ignore[assignment]
    if "made_by" in arm:
        return _make(cfg, arm, report)
    given = _given(cfg, arm)
    artifact = Artifact(
        run_folder(cfg) / "arms" / cfg.arm,
        _settings(cfg, arm),
        _inputs(cfg, arm, given),
        version=VERSION,
    )
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    lesson = _lesson(cfg, arm, given)
    student = _prepared(cfg, arm, given)
    sequences = _sequences_read(given.sequences, lesson)
    training = OmegaConf.create({**plain(cfg.distill.train), **plain(arm.get("train") or {})})
    with artifact.writing() as folder, reporting(cfg.arm, report) as show:
        if training.num_steps > 0:
            student = train(
                student,
                sequences,
                folder,
                training,
                seed=cfg.seed,
                report=show,
                lesson=lesson,
                watch=build(arm.get("watch") or cfg.watch)(tokenizer=given.corpus.tokenizer),
                recompute=cfg.training.recompute,
                precision=cfg.training.precision,
            )
        for regularizer in lesson.regularizers:
            regularizer.fold(student)
        if processes.is_main():
            save_model(folder, student, given.corpus.tokenizer)
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"{cfg.arm}: {training.num_steps} steps → {artifact.folder}")


@dataclass(frozen=True)
class _Given:
    """An arm's corpus, sequences and regularizers, checked before any model is loaded."""

    corpus: PackedCorpus
    sequences: Dataset
    regularizers: dict[str, Regularizer]
    cached: CachedTeacher | None

    @property
    def needs_map(self) -> bool:
        return any(regularizer.needs_memory_map for regularizer in self.regularizers.values())


def _given(cfg: DictConfig, arm: DictConfig) -> _Given:
    """Collect what the arm is made of. Raises UserError for settings that exclude each other."""
    check_start(cfg)
    corpus = PackedCorpus.of(cfg)
    check_written(cfg, arm, corpus)
    cached, regularizers = _cached_teacher(cfg, arm), regularizers_of(cfg, arm)
    if cached is not None and (editors := readings_by_arm(cfg)[cfg.arm].editors):
        others = {name: one for name, one in regularizers.items() if name not in editors}
        regularizers = {"readings": DrawnReadings(cached), **others}
    sequences = corpus.sequences(arm.corpus)
    if arm.get("sources"):
        sequences = rows_of_sources(corpus, list(arm.sources), cfg.packing.sequence_length)
    given = _Given(corpus, sequences, regularizers, cached)
    if given.needs_map and arm.get("sources"):
        raise UserError(
            f"arms.{cfg.arm}.sources: the memory map is of the whole corpus, not of some rows"
        )
    if given.needs_map and arm.corpus != FULL:
        raise UserError(
            f"arms.{cfg.arm}: the memory map is of the whole corpus, not of '{arm.corpus}'"
        )
    return given


def _settings(cfg: DictConfig, arm: DictConfig) -> dict[str, Any]:
    """The part of the configuration that the arm depends on."""
    settings = {
        "arm": arm,
        "student": cfg.student,
        "forgetting": forgetting_of(cfg, arm),
        "distill": plain(cfg.distill),
        "seed": cfg.seed,
    }
    if not cfg.distill.on_policy:
        del settings["distill"][
            "on_policy"
        ]  # arms from before there was this option stay as they are
    return settings if arm.teacher else settings | identity_before(cfg)


def _lesson(cfg: DictConfig, arm: DictConfig, given: _Given) -> Lesson:
    """What the arm is trained for. Raises UserError where the map lacks what a regularizer needs."""
    memory_map = MemoryMap.load(run_folder(cfg) / "memory_map") if given.needs_map else None
    for name, regularizer in given.regularizers.items():
        if regularizer.needs_reference and memory_map and not memory_map.has_reference:
            raise UserError(
                f"{name} teaches what a reference says, and the map was made without one: "
                "choose memory_map.reference=ARM, or a regularizer such as undial"
            )
    teacher: Teacher | None = given.cached
    if arm.teacher and teacher is None:
        teacher = LiveTeacher(run_teacher(cfg, given.corpus), cfg.distill.temperature)
    return Lesson(
        teacher,
        memory_map,
        list(given.regularizers.values()),
        divergence_of(cfg.distill.divergence, cfg.distill.jsd_beta),
        cfg.distill.label_weight,
        cfg.distill.confidence_floor,
        author_of(cfg, arm, given.corpus, memory_map, given.sequences),
    )


def _prepared(cfg: DictConfig, arm: DictConfig, given: _Given) -> PreTrainedModel:
    """The student as its training begins."""
    generator = torch.Generator().manual_seed(cfg.seed)
    student = start_of(cfg, arm, given.corpus, given.sequences, from_cache=given.cached is not None)
    for regularizer in given.regularizers.values():
        regularizer.read_corpus(given.sequences, given.corpus.tokenizer)
        regularizer.prepare_student(student, generator)
    return student


def _sequences_read(sequences: Dataset, lesson: Lesson) -> Dataset:
    """The sequences that the arm reads: as many as the map and the cache cover."""
    count = len(sequences)
    if isinstance(lesson.memory_map, MemoryMap):
        count = min(count, len(lesson.memory_map.score_ST))
    if isinstance(lesson.teacher, CachedTeacher):
        count = min(count, lesson.teacher.num_sequences)
    return sequences.select(range(count))


def _inputs(cfg: DictConfig, arm: DictConfig, given: _Given) -> dict[str, str]:
    """Fingerprints of what the arm is trained from; raises UserError where one is missing or doesn't fit."""
    run, inputs = run_folder(cfg), {"corpus": given.corpus.fingerprint}
    if arm.teacher:
        inputs["teacher"] = fingerprint_of(run / "teacher", "teach", inputs)
    if given.needs_map:
        inputs["memory_map"] = fingerprint_of(run / "memory_map", "map", inputs)
    if arm.get("start"):
        made_by = f"distill arm={arm.start}"
        inputs["start"] = fingerprint_of(run / "arms" / arm.start, made_by, inputs)
    if given.cached is not None:
        inputs["teacher_cache"] = given.cached.fingerprint
    return inputs


def _make(cfg: DictConfig, arm: DictConfig, report: Report | None) -> None:
    """Make an arm from the teacher without distillation."""
    corpus, run = PackedCorpus.of(cfg), run_folder(cfg)
    inputs = {"corpus": corpus.fingerprint}
    inputs["teacher"] = fingerprint_of(run / "teacher", "teach", inputs)
    artifact = Artifact(
        run / "arms" / cfg.arm, {"arm": arm, "seed": cfg.seed}, inputs, version=VERSION
    )
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    make: Maker = build(arm.made_by)
    teacher, sources = run_teacher(cfg, corpus), build(cfg.corpus).memory_sources
    with artifact.writing() as folder, reporting(cfg.arm, report) as show:
        model = make(
            Material(teacher, corpus, sources, folder, cfg.seed, show, cfg.training.precision)
        )
        save_model(folder, model, corpus.tokenizer)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"{cfg.arm}: made from the teacher → {artifact.folder}")


def _cached_teacher(cfg: DictConfig, arm: DictConfig) -> CachedTeacher | None:
    """The teacher's signal from disk, if the arm is to learn from it; raises UserError if it can't."""
    if not arm.teacher or cfg.distill.signal == "live":
        return None
    if cfg.distill.temperature != 1:
        raise UserError(
            f"distill.temperature={cfg.distill.temperature}: what is cached is at 1; add distill.signal=live"
        )
    if arm.corpus != FULL:
        raise UserError(
            f"arms.{cfg.arm}: the teacher's cache is of the whole corpus, not of '{arm.corpus}'"
        )
    return CachedTeacher.of(cfg, readings_by_arm(cfg)[cfg.arm])
