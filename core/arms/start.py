"""Where a student starts: afresh, from its teacher, or from another arm."""

from datasets import Dataset
from omegaconf import DictConfig
from transformers import PretrainedConfig, PreTrainedModel

from core.arms.teach import before, run_teacher
from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.models.curvature import batches_of
from core.models.loading import load_config, load_model
from core.models.student import IMPORTANCE_SEQUENCES, fresh_student, inherited_student
from core.runs.artifacts import plain, run_folder

STARTS = ("fresh", "teacher")


def check_start(cfg: DictConfig) -> None:
    """Raise UserError for an unknown `start`."""
    if cfg.student.start not in STARTS:
        hint = nearest(str(cfg.student.start), STARTS) or f"; choose {' or '.join(STARTS)}"
        raise UserError(f"student.start={cfg.student.start}: no such choice{hint}")


def start_of(
    cfg: DictConfig,
    arm: DictConfig,
    corpus: PackedCorpus,
    sequences: Dataset,
    *,
    from_cache: bool,
) -> PreTrainedModel:
    """Make the student, before its regularizers prepare it.

    With `from_cache` the teacher speaks from disk: for a fresh student only its configuration is loaded.
    """
    origin = _origin(cfg, arm, corpus, from_cache)
    settings = plain(cfg.student)
    start = settings.pop("start")
    sizes = {key: value for key, value in settings.items() if value is not None}
    if isinstance(origin, PretrainedConfig):
        return fresh_student(origin, sizes, cfg.seed)
    if start == "fresh":
        return fresh_student(origin.config, sizes, cfg.seed)
    return inherited_student(
        origin, sizes, cfg.seed, lambda: batches_of(sequences, IMPORTANCE_SEQUENCES, cfg.seed)
    )


def _origin(
    cfg: DictConfig, arm: DictConfig, corpus: PackedCorpus, from_cache: bool
) -> PreTrainedModel | PretrainedConfig:
    """A model whose weights the student may inherit, or only an architecture."""
    run = run_folder(cfg)
    if arm.get("start"):
        return load_model(run / "arms" / arm.start)
    if not arm.teacher:
        return before(cfg, len(corpus.tokenizer))
    if from_cache and cfg.student.start == "fresh":
        return load_config(run / "teacher")
    return run_teacher(cfg, corpus)
