"""What a pretrained teacher learns by heart, and what it is to say as before meanwhile."""

from collections.abc import Iterator, Sequence
from random import Random

import numpy as np
import torch
from datasets import Dataset
from omegaconf import DictConfig
from torch import Tensor

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.corpus.stage import PackedCorpus
from core.errors import UserError, nearest
from core.models.taught import IGNORED
from core.signal.signal import MemorySlice, TeacherSignal
from core.training.regularizer import Batch, Regularizer


class Anchored(Regularizer):
    """Learned tokens are taught by the text, all others by the model before alone.

    So what a model has is held where it isn't to change: KL(before ‖ now) on text that it doesn't learn.
    `learned_ST` tells the tokens of the packed sequences that are learned.
    """

    def __init__(self, learned_ST: Tensor):
        super().__init__()
        self.learned_ST = learned_ST

    def edit_signal(
        self,
        signal: TeacherSignal,
        batch: Batch,
        memory: MemorySlice | None,
        generator: torch.Generator,
    ) -> TeacherSignal:
        """Cross-entropy where it is learned, divergence elsewhere."""
        learned_BT = self.learned_ST[batch["index"].cpu()].to(batch["labels"].device)
        taught_BT = batch["labels"][:, 1:] != IGNORED
        return signal.with_(label_weight_N=learned_BT[:, 1:][taught_BT].float())


def rows_to_learn(cfg: DictConfig, corpus: PackedCorpus) -> tuple[Dataset, Tensor | None]:
    """The packed rows of the sources that are learned; with an anchor other rows among them, and which tokens
    (S, T) are learned.

    Raises UserError for a source that has none, and for an anchor without rows that it could be.
    """
    learn, anchor = cfg.teacher.learn, float(cfg.teacher.learn.anchor)
    if anchor < 0:
        raise UserError(
            f"teacher.learn.anchor={anchor:g}: choose 0, or tokens for each learned one"
        )
    if learn.sources is None:
        if anchor:
            raise UserError(
                "teacher.learn.anchor is of rows that aren't learned, and all are: name those that are in "
                "teacher.learn.sources"
            )
        return corpus.sequences(), None
    rows = list(corpus.rows())
    _check_sources(learn.sources, rows)
    chosen = [row for row in rows if row.get("source") in learn.sources]
    encoder = Encoder(corpus.tokenizer)
    others = []
    if anchor:
        rest = (row for row in rows if row.get("source") not in learn.sources)
        others = list(_so_many(rest, encoder, anchor * _size(chosen, encoder)))
        if not others:
            raise UserError(
                "teacher.learn.anchor is of rows that aren't learned, and the corpus has no others: add "
                "some, or set it to 0"
            )
    marked = [*((row, True) for row in chosen), *((row, False) for row in others)]
    if others:
        Random(f"{cfg.seed}/by heart").shuffle(marked)
    packed = pack((row for row, _ in marked), encoder, sequence_length=cfg.packing.sequence_length)
    if not others:
        return packed, None
    row_ST = np.asarray(packed.with_format("numpy")["row"])
    is_learned = np.array([learned for _, learned in marked])
    return packed, torch.from_numpy(is_learned[row_ST] & (row_ST >= 0))


def _check_sources(sources: Sequence[str], rows: Sequence[Row]) -> None:
    if not sources:
        raise UserError("teacher.learn.sources is empty: name some, or null for the whole corpus")
    known = sorted({str(row["source"]) for row in rows if row.get("source")})
    for source in sources:
        if source not in known:
            hint = nearest(str(source), known) or f"; it has {', '.join(known) or 'no sources'}"
            raise UserError(f"teacher.learn.sources: the corpus has no source '{source}'{hint}")


def _size(rows: Sequence[Row], encoder: Encoder) -> int:
    return sum(len(row.ids) for row in encoder.encode(rows))


def _so_many(rows: Iterator[Row], encoder: Encoder, num_tokens: float) -> Iterator[Row]:
    """Rows from the beginning, until they have so many tokens."""
    told = 0
    for row in rows:
        if told >= num_tokens:
            return
        told += _size([row], encoder)
        yield row
