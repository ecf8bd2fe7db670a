"""`winnow teach`: a teacher trained from scratch on the corpus, or a pretrained one."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from omegaconf import DictConfig, OmegaConf
from torch import Tensor
from transformers import PretrainedConfig, PreTrainedModel

from core.arms.by_heart import Anchored, rows_to_learn
from core.arms.settings import sizes_cut
from core.config.build import build
from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.models.checkpoint import Checkpoint, checksums
from core.models.curvature import batches_of, remove_low_curvature
from core.models.fit import WHO, check_fits
from core.models.gate import check_packed
from core.models.loading import (
    SOURCE,
    check_same_tokenizer,
    check_vocabulary,
    load_model,
    new_model,
    save_model,
)
from core.models.sources import source_of
from core.models.student import check_inherits
from core.runs import processes
from core.runs.artifacts import Artifact, plain, run_folder, write_json
from core.runs.console import Report, console, tell_kept
from core.runs.progress import reporting
from core.signal.live import LiveTeacher
from core.training.lesson import PLAIN_TEXT, Lesson
from core.training.loop import train

VERSION = "2"  # raised when the same configuration gives another teacher
FOLDER = "teacher"
EDITS = (None, "curvature")
CURVATURE_SEQUENCES = 1024  # sequences of the corpus that tell the curvature


def teach(cfg: DictConfig, report: Report | None = None) -> None:
    """Make `teacher/`: train one from scratch by cross-entropy on the whole corpus, or take a pretrained one.

    A pretrained teacher may first learn the corpus, or the rows of some sources, by heart: with
    `teacher.learn.num_steps`, it is fine-tuned on them (the protocol of TOFU, arXiv 2401.06121). With
    `teacher.edit=curvature` what is kept has lost its MLPs' low-curvature directions, so that an edited
    model can be asked, attacked and distilled like any other. One that is changed by neither is used where
    it lies: `teacher/` then says where, and is made anew when the weights there change.

    Raises UserError for another edit, and for a teacher that doesn't fit the corpus.
    """
    if cfg.teacher.edit not in EDITS:
        hint = nearest(str(cfg.teacher.edit), ["curvature"]) or "; choose curvature, or null"
        raise UserError(f"teacher.edit={cfg.teacher.edit}: no such edit{hint}")
    pretrained = source_of(cfg)
    if pretrained is None:
        _train_from_scratch(cfg, report)
    else:
        _take(pretrained, cfg, report)


def _train_from_scratch(cfg: DictConfig, report: Report | None) -> None:
    corpus = PackedCorpus.of(cfg)
    settings = {"teacher": cfg.teacher, "seed": cfg.seed}
    artifact = Artifact(
        run_folder(cfg) / FOLDER, settings, {"corpus": corpus.fingerprint}, version=VERSION
    )
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    tokenizer = corpus.tokenizer
    config = model_config(cfg, len(tokenizer))
    check_fits(config, tokenizer, cfg.packing.sequence_length)
    model = new_model(config, cfg.seed)
    _check_use(model, cfg)
    with artifact.writing() as folder, reporting(FOLDER, report) as show:
        model = _fit(model, corpus.sequences(), cfg.teacher.train, cfg, corpus, folder, show)
        _finish(model, cfg, corpus, folder)
    console.print(f"teacher: {model.num_parameters():,} parameters → {artifact.folder}")


def run_teacher(cfg: DictConfig, corpus: PackedCorpus) -> PreTrainedModel:
    """The run's teacher; raises UserError when it doesn't fit the corpus's tokenizer."""
    model = load_model(run_folder(cfg) / FOLDER)
    check_vocabulary(model, corpus.tokenizer, WHO)
    check_packed(model, WHO)
    return model


def _take(pretrained: Checkpoint, cfg: DictConfig, report: Report | None) -> None:
    corpus, learning = PackedCorpus.of(cfg), learning_of(cfg)
    settings, inputs = {}, checksums(pretrained.files)
    if learning or cfg.teacher.edit:
        settings = {"learn": learning, "edit": cfg.teacher.edit, "seed": cfg.seed}
        settings["rho"], inputs["corpus"] = cfg.teacher.rho, corpus.fingerprint
    artifact = Artifact(run_folder(cfg) / FOLDER, settings, inputs, version=VERSION)
    if pretrained.folder.resolve() == artifact.folder.resolve():
        raise UserError(f"{pretrained.folder} is this run's own teacher: choose another run=NAME")
    if artifact.is_done(cfg.overwrite):
        return tell_kept(artifact.folder, report)
    tokenizer = corpus.tokenizer
    check_same_tokenizer(pretrained.tokenizer(), tokenizer, WHO)
    check_fits(pretrained.config(), tokenizer, cfg.packing.sequence_length)
    rows, learned_ST = rows_to_learn(cfg, corpus) if learning else (None, None)
    model = pretrained.model()
    check_vocabulary(model, tokenizer, WHO)
    _check_tokens(model, corpus)
    _check_use(model, cfg)
    stays = not settings and pretrained.gguf_file is None
    elsewhere = pretrained.files if stays else []
    with artifact.writing(elsewhere) as folder, reporting(FOLDER, report) as show:
        if stays:
            write_json(folder / SOURCE, {"folder": str(pretrained.folder.absolute())})
        else:
            if learning and rows:
                model = _fit(model, rows, learning, cfg, corpus, folder, show, learned_ST)
            _finish(model, cfg, corpus, folder)
    where = pretrained.folder if stays else artifact.folder
    console.print(f"teacher: {model.num_parameters():,} parameters → {where}")


def _check_use(model: PreTrainedModel, cfg: DictConfig) -> None:
    """Raise UserError for a teacher that can't teach packed rows, or can't be cut to the students' sizes."""
    check_packed(model, WHO)
    for sizes in sizes_cut(cfg):
        check_inherits(model, sizes, cfg.seed)


def _check_tokens(model: PreTrainedModel, corpus: PackedCorpus) -> None:
    """Raise UserError for a corpus that names a special token which the model has no row for."""
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[index, union-attr]
    if len(corpus.tokenizer) <= rows:
        return
    highest = int(corpus.sequences().with_format("numpy")["input_ids"][:].max())
    if highest >= rows:
        token = corpus.tokenizer.convert_ids_to_tokens(highest)
        raise UserError(
            f"the corpus has the token '{token}' in its text, and {WHO} has no row for it: take it out"
        )


def learning_of(cfg: DictConfig) -> DictConfig | None:
    """Settings for learning the corpus, laid over those of `distill.train`; None where it isn't learned."""
    learn = cfg.teacher.get("learn")
    if learn is None or learn.num_steps == 0:
        return None
    return OmegaConf.create({**plain(cfg.distill.train), **plain(learn)})


def _fit(
    model: PreTrainedModel,
    rows: Dataset,
    settings: DictConfig,
    cfg: DictConfig,
    corpus: PackedCorpus,
    folder: Path,
    report: Report,
    learned_ST: Tensor | None = None,
) -> PreTrainedModel:
    """Train the model on the learned tokens (None: all); on others it is held to what it said before."""
    lesson = PLAIN_TEXT
    if learned_ST is not None:
        lesson = Lesson(LiveTeacher(deepcopy(model)), regularizers=[Anchored(learned_ST)])
    watch = build(cfg.watch)(tokenizer=corpus.tokenizer)
    return train(
        model,
        rows,
        folder,
        settings,
        seed=cfg.seed,
        report=report,
        lesson=lesson,
        watch=watch,
        recompute=cfg.training.recompute,
        precision=cfg.training.precision,
    )


def _finish(model: PreTrainedModel, cfg: DictConfig, corpus: PackedCorpus, folder: Path) -> None:
    """Edit the model, where that is asked for, and write it."""
    if cfg.teacher.edit:
        remove_low_curvature(
            model,
            batches_of(corpus.sequences(), CURVATURE_SEQUENCES, cfg.seed),
            rho=cfg.teacher.rho,
            generator=torch.Generator().manual_seed(cfg.seed),
        )
    if processes.is_main():
        save_model(folder, model, corpus.tokenizer)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)


def before(cfg: DictConfig, vocab_size: int) -> PreTrainedModel | PretrainedConfig:
    """The teacher before it read this corpus, for arms that mustn't learn from it.

    The pretrained model, where it learned the corpus here; else an architecture to start afresh, since
    what a pretrained model knew already can't be taken from it.
    """
    pretrained = source_of(cfg)
    if pretrained is None:
        return model_config(cfg, vocab_size)
    return pretrained.config() if learning_of(cfg) is None else pretrained.model()


def identity_before(cfg: DictConfig) -> dict[str, Any]:
    """Fingerprint of the model, or the architecture, that `before` gives."""
    pretrained = source_of(cfg)
    if pretrained is None:
        return {"architecture": [plain(cfg.teacher.model), cfg.teacher.embedding_std]}
    return {"before": checksums(pretrained.files), "is_model": learning_of(cfg) is not None}


def model_config(cfg: DictConfig, vocab_size: int) -> PretrainedConfig:
    """The architecture, for a vocabulary of this size, of a teacher trained from scratch."""
    config: PretrainedConfig = build(
        cfg.teacher.model,
        vocab_size=vocab_size,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
        use_cache=False,
    )
    config.embedding_std = cfg.teacher.embedding_std
    return config
