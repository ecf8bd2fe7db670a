"""`winnow teach`: a teacher trained from scratch on the corpus."""

import shutil

import torch
from omegaconf import DictConfig
from transformers import PretrainedConfig, PreTrainedModel

from core import processes
from core.artifacts import Artifact, run_folder
from core.build import build
from core.console import Report, console
from core.corpus.stage import PackedCorpus
from core.curvature import batches_of, remove_low_curvature
from core.errors import UserError, nearest
from core.models import check_vocabulary, load_model, new_model, save_model
from core.progress import reporting
from core.taught import refuse_scaled_logits
from core.training import train

FOLDER = "teacher"
EDITS = (None, "curvature")
MEASURED = 1024  # sequences of the corpus that tell the curvature


def teach(cfg: DictConfig, report: Report | None = None) -> None:
    """Train `teacher/` by cross-entropy on the whole corpus, and keep it as a Hugging Face folder.

    With `teacher.edit=curvature` what is kept has lost its MLPs' low-curvature directions, so that an
    edited model can be asked, attacked and distilled like any other. Raises UserError for another edit.
    """
    corpus = PackedCorpus.of(cfg)
    settings = {"teacher": cfg.teacher, "seed": cfg.seed}
    artifact = Artifact(run_folder(cfg) / FOLDER, settings, {"corpus": corpus.fingerprint})
    if artifact.is_done(cfg.overwrite):
        return
    if cfg.teacher.edit not in EDITS:
        hint = nearest(str(cfg.teacher.edit), ["curvature"]) or "; choose curvature, or null"
        raise UserError(f"teacher.edit={cfg.teacher.edit}: no such edit{hint}")
    tokenizer = corpus.tokenizer
    model = new_model(model_config(cfg, len(tokenizer)), cfg.seed)
    with artifact.writing() as folder, reporting("teacher", report) as show:
        train(model, corpus.sequences(), folder, cfg.teacher.train, seed=cfg.seed, report=show)
        if cfg.teacher.edit:
            remove_low_curvature(
                model,
                batches_of(corpus.sequences(), MEASURED, cfg.seed),
                rho=cfg.teacher.rho,
                generator=torch.Generator().manual_seed(cfg.seed),
            )
        if processes.is_main():
            save_model(folder, model, tokenizer)
            shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    console.print(f"teacher: {model.num_parameters():,} parameters → {artifact.folder}")


def run_teacher(cfg: DictConfig, corpus: PackedCorpus) -> PreTrainedModel:
    """The run's teacher; raises UserError when it doesn't fit the corpus's tokenizer."""
    model = load_model(run_folder(cfg) / FOLDER)
    check_vocabulary(model, corpus.tokenizer, "the teacher")
    refuse_scaled_logits(model.config, "the teacher")
    return model


def model_config(cfg: DictConfig, vocab_size: int) -> PretrainedConfig:
    """The teacher's architecture for a vocabulary of this size."""
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
