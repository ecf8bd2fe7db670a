"""A day: rows of text that a core met after it was distilled."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from omegaconf import DictConfig
from transformers import PreTrainedTokenizerBase

from core.config.build import build
from core.corpus.jsonl import read_rows
from core.corpus.rows import Row, joined_text
from core.errors import UserError
from core.models.tokens import plain
from core.worlds.days import Day

LEAST_BYTES = 1.3  # of a token, on average: below it the tokenizer knows hardly a word of the text


@dataclass(frozen=True)
class MetDay:
    """The rows in their order; `name` is what they are called in messages."""

    name: str
    rows: list[Row]

    @property
    def fingerprint(self) -> str:
        """Of all that is taken from the day; labels aren't."""
        told = json.dumps([[row["id"], joined_text(row), "text" in row] for row in self.rows])
        return hashlib.sha256(told.encode()).hexdigest()[:16]


@runtime_checkable
class HasDays(Protocol):
    """What brings days."""

    num_days: int

    def day(self, number: int) -> Day:
        """The day of this number, from 1."""


def days_of(cfg: DictConfig) -> list[Day]:
    """The days that `night.days` brings, or else the corpus; none where neither does."""
    built = build(cfg.corpus if cfg.night.days is None else cfg.night.days)
    if not isinstance(built, HasDays):
        return []
    return [built.day(number) for number in range(1, built.num_days + 1)]


def day_of(cfg: DictConfig, number: int) -> MetDay:
    """The day that `day` names, or the corpus's own of this number.

    Raises UserError where there is none, and for a file without rows.
    """
    if cfg.day is not None:
        path = Path(cfg.day)
        if not path.is_file():
            raise UserError(
                f"day={path} isn't a file: give a JSON-lines file of documents and tasks"
            )
        if not path.read_text(encoding="utf-8", errors="replace").strip():
            raise UserError(f"day={path} is empty: a day needs at least one document or task")
        return MetDay(path.name, list(read_rows([path])))
    days = days_of(cfg)
    if not 1 <= number <= len(days):
        brings = f"days 1 to {len(days)}, and this is night {number}" if days else "no days"
        raise UserError(f"this corpus brings {brings}: add day=FILE")
    return MetDay(f"day {number}", [unlabelled(row) for row in days[number - 1].rows()])


def unlabelled(row: Row) -> Row:
    """The row without its source, which is for evaluation alone."""
    return {key: value for key, value in row.items() if key != "source"}


def check_vocabulary(day: MetDay, tokenizer: PreTrainedTokenizerBase) -> None:
    """Raise UserError for a day in another vocabulary, of which the tokenizer makes single bytes."""
    texts = [joined_text(row) for row in day.rows]
    num_tokens = sum(map(len, plain(tokenizer, texts)))
    num_bytes = sum(len(text.encode()) for text in texts)
    if num_bytes < LEAST_BYTES * num_tokens:
        raise UserError(
            f"{day.name} is written in another vocabulary than the core's: its {num_bytes:,} bytes are "
            f"{num_tokens:,} tokens; take a core whose tokenizer knows its words"
        )
