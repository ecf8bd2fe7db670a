"""What a night starts from, and what it found out of its day."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.rows import Row
from core.night.copies import Copies
from core.night.generalizes import Judged
from core.night.settings import NightSettings


@dataclass(frozen=True)
class Given:
    """What a night starts from. `earlier` are the lines that were dreamt and learned in the nights before."""

    core: Callable[[], PreTrainedModel]
    tokenizer: PreTrainedTokenizerFast
    rows: list[Row]
    earlier: list[str]
    stored: list[dict[str, Any]]  # documents that went to the store in the nights before
    settings: NightSettings
    length: int
    seed: int
    precision: str
    say: Callable[[str], None] = field(default=lambda line: None)


@dataclass(frozen=True)
class Sorted:
    """What became of the day's rows, who teaches them, and whether their rules stand other symbols."""

    judged: Judged
    folds: Sequence[int]
    copies: Copies | None
    stands_renaming: bool
    context_gain: float
    seconds: float
