"""`winnow distill`: train one arm."""

import shutil

import torch
from datasets import Dataset
from omegaconf import DictConfig, OmegaConf
from transformers import PretrainedConfig, PreTrainedModel

from core.arms.maker import Maker, Material
from core.arms.settings import arm_of, check_arms, forgetting_of, regularizers_of
from core.arms.teach import before, identity_before, run_teacher
from core.config.build import build
from core.corpus.stage import FULL, PackedCorpus
from core.errors import UserError, nearest
from core.models.curvature import batches_of
from core.models.loading import load_config, load_model, save_model
from core.models.student import MEASURED, fresh_student, inherited_student
from core.runs import processes
from core.runs.artifacts import Artifact, fingerprint_of, plain, run_folder
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.cached import CachedTeacher
from core.signal.divergence import divergence_of
from core.signal.live import LiveTeacher
from core.signal.memory_map import MemoryMap
from core.signal.signal import Teacher
from core.training.loop import train

STARTS = ("fresh", "teacher")
SIGNALS = ("live", "cached")


def distill(cfg: DictConfig, report: Report | None = None) -> None:
    """Train the arm named by `arm` into `arms/<arm>/`, a Hugging Face folder.

    An arm with a teacher is distilled from it and may start from its weights; one without learns from the
    text alone and starts as the teacher did before it read the text, so that nothing that it learned there
    can reach it: fresh, or from the pretrained model. One with `made_by` is made from the teacher as that
    says, and isn't distilled. An arm's `student` and `train` lie over the configuration's, and with `start`
    it begins where that other arm has ended: another round.
    """
    check_arms(cfg)
    arm, run = arm_of(cfg), run_folder(cfg)
    cfg = OmegaConf.merge(cfg, {"student": arm.get("student") or {}})  # type: ignore[assignment]
    if "made_by" in arm:
        _make(cfg, arm, report)
        return
    if cfg.student.start not in STARTS:
        hint = nearest(str(cfg.student.start), STARTS) or f"; choose {' or '.join(STARTS)}"
        raise UserError(f"student.start={cfg.student.start}: no such choice{hint}")
    corpus = PackedCorpus.of(cfg)
    sequences, tokenizer = corpus.sequences(arm.corpus), corpus.tokenizer
    regularizers = regularizers_of(cfg, arm)
    needs_map = any(regularizer.needs_memory_map for regularizer in regularizers.values())
    if needs_map and arm.corpus != FULL:
        raise UserError(
            f"arms.{cfg.arm}: the memory map is of the whole corpus, not of '{arm.corpus}'"
        )
    cached = _cached_teacher(cfg, arm)
    for name, regularizer in regularizers.items():
        if cached is not None and regularizer.needs_live_teacher:
            raise UserError(
                f"{name} lets the teacher read something else than the corpus, and the cache holds what it "
                "says of that: add distill.signal=live"
            )
    inputs = _inputs(cfg, arm, corpus, cached, needs_map)
    training = OmegaConf.create({**plain(cfg.distill.train), **plain(arm.get("train") or {})})
    settings = {
        "arm": arm,
        "student": cfg.student,
        "forgetting": forgetting_of(cfg, arm),
        "distill": cfg.distill,
        "seed": cfg.seed,
    }
    if not arm.teacher:
        settings |= identity_before(cfg)
    artifact = Artifact(run / "arms" / cfg.arm, settings, inputs)
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    divergence = divergence_of(cfg.distill.divergence, cfg.distill.jsd_beta)
    memory_map = MemoryMap.load(run / "memory_map") if needs_map else None
    for name, regularizer in regularizers.items():
        if regularizer.needs_reference and memory_map and not memory_map.has_reference:
            raise UserError(
                f"{name} teaches what a reference says, and the map was made without one: "
                "choose memory_map.reference=ARM, or a regularizer such as undial"
            )
    generator = torch.Generator().manual_seed(cfg.seed)
    student = _start(cfg, _origin(cfg, arm, corpus, cached), sequences)
    teacher: Teacher | None = cached
    if arm.teacher and cached is None:
        teacher = LiveTeacher(run_teacher(cfg, corpus), cfg.distill.temperature)
    for regularizer in regularizers.values():
        regularizer.read_corpus(sequences, tokenizer)
        regularizer.prepare_student(student, generator)
    if memory_map is not None:
        sequences = sequences.select(range(min(len(sequences), len(memory_map.score_ST))))
    if cached is not None:
        sequences = sequences.select(range(min(len(sequences), cached.num_sequences)))
    with artifact.writing() as folder, reporting(cfg.arm, report) as show:
        if training.num_steps > 0:
            student = train(
                student,
                sequences,
                folder,
                training,
                seed=cfg.seed,
                report=show,
                watch=build(cfg.watch)(tokenizer=tokenizer),
                recompute=cfg.recompute,
                precision=cfg.precision,
                teacher=teacher,
                memory_map=memory_map,
                regularizers=list(regularizers.values()),
                label_weight=cfg.distill.label_weight,
                confidence_floor=cfg.distill.confidence_floor,
                divergence=divergence,
            )
        for regularizer in regularizers.values():
            regularizer.fold(student)
        if processes.is_main():
            save_model(folder, student, tokenizer)
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"{cfg.arm}: {training.num_steps} steps → {artifact.folder}")


def _inputs(
    cfg: DictConfig,
    arm: DictConfig,
    corpus: PackedCorpus,
    cached: CachedTeacher | None,
    needs_map: bool,
) -> dict[str, str]:
    """Fingerprints of what the arm is trained from; raises UserError where one is missing or doesn't fit."""
    run, inputs = run_folder(cfg), {"corpus": corpus.fingerprint}
    if arm.teacher:
        inputs["teacher"] = fingerprint_of(run / "teacher", "teach", inputs)
    if needs_map:
        inputs["memory_map"] = fingerprint_of(run / "memory_map", "map", inputs)
    if arm.get("start"):
        made_by = f"distill arm={arm.start}"
        inputs["start"] = fingerprint_of(run / "arms" / arm.start, made_by, inputs)
    if cached is not None:
        inputs["teacher_cache"] = cached.fingerprint
    return inputs


def _origin(
    cfg: DictConfig, arm: DictConfig, corpus: PackedCorpus, cached: CachedTeacher | None
) -> PreTrainedModel | PretrainedConfig:
    """What the student comes from: a model whose weights it may inherit, or only their architecture."""
    run = run_folder(cfg)
    if arm.get("start"):
        return load_model(run / "arms" / arm.start)
    if not arm.teacher:
        return before(cfg, len(corpus.tokenizer))
    if cached is not None and cfg.student.start == "fresh":
        return load_config(run / "teacher")
    return run_teacher(cfg, corpus)


def _start(
    cfg: DictConfig, origin: PreTrainedModel | PretrainedConfig, sequences: Dataset
) -> PreTrainedModel:
    """The student before training, from a model or afresh from an architecture."""
    settings = plain(cfg.student)
    start = settings.pop("start")
    sizes = {key: value for key, value in settings.items() if value is not None}
    if isinstance(origin, PretrainedConfig):
        return fresh_student(origin, sizes, cfg.seed)
    if start == "fresh":
        return fresh_student(origin.config, sizes, cfg.seed)
    return inherited_student(
        origin,
        sizes,
        cfg.seed,
        lambda: batches_of(sequences, MEASURED, cfg.seed),
    )


def _make(cfg: DictConfig, arm: DictConfig, report: Report | None) -> None:
    """Make an arm from the teacher without distillation."""
    corpus, run = PackedCorpus.of(cfg), run_folder(cfg)
    inputs = {"corpus": corpus.fingerprint}
    inputs["teacher"] = fingerprint_of(run / "teacher", "teach", inputs)
    artifact = Artifact(run / "arms" / cfg.arm, {"arm": arm, "seed": cfg.seed}, inputs)
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    make: Maker = build(arm.made_by)
    teacher, sources = run_teacher(cfg, corpus), build(cfg.corpus).memory_sources
    with artifact.writing() as folder, reporting(cfg.arm, report) as show:
        model = make(Material(teacher, corpus, sources, folder, cfg.seed, show))
        save_model(folder, model, corpus.tokenizer)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"{cfg.arm}: made from the teacher → {artifact.folder}")


def _cached_teacher(cfg: DictConfig, arm: DictConfig) -> CachedTeacher | None:
    """The teacher's signal from disk, if the arm is to learn from it; raises UserError if it can't."""
    if cfg.distill.signal not in SIGNALS:
        hint = nearest(str(cfg.distill.signal), SIGNALS) or f"; choose {' or '.join(SIGNALS)}"
        raise UserError(f"distill.signal={cfg.distill.signal}: no such signal{hint}")
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
    return CachedTeacher.of(cfg)
