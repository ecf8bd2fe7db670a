"""How an arm is made from the teacher: what `made_by` in an arm's YAML names."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from transformers import PreTrainedModel

from core.corpus.stage import PackedCorpus
from core.runs.console import Report


@dataclass(frozen=True)
class Material:
    """What an arm may be made of.

    `memory_sources` are labels of the corpus's rows: controls may read them. Checkpoints in `folder` survive
    an interruption, as `core.training.loop.train` leaves them there; they go once the arm is done.
    """

    teacher: PreTrainedModel
    corpus: PackedCorpus
    memory_sources: Sequence[str]
    folder: Path
    seed: int
    report: Report
    precision: str = "auto"


class Maker(Protocol):
    """A function of the material, with settings of its own by keyword."""

    def __call__(self, material: Material) -> PreTrainedModel:
        """Make the arm's model. May change the teacher in place."""
        ...
