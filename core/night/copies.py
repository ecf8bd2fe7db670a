"""Copies of a core that learn some of a day's rows: the out-of-fold readers of the others."""

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
from omegaconf import DictConfig
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.packing import Encoder
from core.models.loading import load_model, save_model
from core.night.forms import Forms
from core.night.generalizes import DayTokens, Gain, Judged, judge
from core.night.likelihood import logprobs
from core.night.reflection import KEPT_SHARE, variants_of
from core.night.teachers import TEXT
from core.night.text import SHEETS, Part, mixed, on_sheets
from core.runs.artifacts import read_json, write_json
from core.runs.console import Report
from core.training.loop import train

BEST = "best.json"


@dataclass(frozen=True)
class Learning:
    """How copies learn, and the core that they are copies of."""

    core: Callable[[], PreTrainedModel]
    tokenizer: PreTrainedTokenizerFast
    settings: DictConfig  # of training, with `every`
    length: int
    seed: int
    precision: str
    report: Report


@dataclass(frozen=True)
class Copies:
    """Copies of the core, by what they read.

    `out[f]` is the one that didn't read the rows of fold f. `varied` is as `out[0]`, but read variants too,
    and some of the tasks on sheets, so that it can write such tasks. `steps` is for how many steps what
    generalizes went on gaining.
    """

    out: list[PreTrainedModel]
    varied: PreTrainedModel | None
    steps: int

    def readers(self, *, varied: bool) -> list[PreTrainedModel]:
        """Two copies that learned different rows, or the same and variants of them."""
        return [self.out[0], self.varied if varied and self.varied is not None else self.out[1]]

    def teacher(self, fold: int, *, varied: bool) -> PreTrainedModel:
        """Who teaches the rows of a fold."""
        return self.varied if varied and fold == 0 and self.varied is not None else self.out[fold]


def learn_copies(
    learning: Learning,
    tokens: DayTokens,
    before_ST: np.ndarray,
    folds: Sequence[int],
    forms: Forms,
    folder: Path,
    *,
    num_variants: int,
) -> Copies:
    """Let copies learn each fold, until the rows of the other gain no more; what is there is loaded."""
    of_fold = {f: [n for n, own in enumerate(folds) if own == f] for f in (0, 1)}
    by_form = forms.by_form(tokens.rows).values()
    asked = {f: [[n for n in numbers if folds[n] == f] for numbers in by_form] for f in (0, 1)}
    models, best = [], []
    for fold in (0, 1):
        read = [tokens.rows[n] for n in of_fold[1 - fold]]
        gain = Gain(tokens, before_ST, asked[fold], learning.settings.every, learning.precision)
        parts = [Part(read, TEXT, 1.0, 1.0)]
        models.append(_learn(learning, parts, gain, folder / f"copy_{fold}"))
        best.append(int(read_json(folder / f"copy_{fold}" / BEST)))
    varied = None
    if num_variants:
        own = [tokens.rows[n] for n in of_fold[1]]
        more = variants_of(own, forms, num_variants, f"{learning.seed}/varied")
        gain = Gain(tokens, before_ST, asked[0], learning.settings.every, learning.precision)
        rest, sheets = on_sheets([*own, *(v for _, v in more)], Random(learning.seed))
        parts = [Part(rest, TEXT, 1.0, 1 - SHEETS), Part(sheets, TEXT, 1.0, SHEETS)]
        varied = _learn(learning, parts, gain, folder / "copy_varied")
    return Copies(models, varied, max(best))


def _learn(learning: Learning, parts: list[Part], gain: Gain, folder: Path) -> PreTrainedModel:
    """A copy that has learned some rows, from `folder` or anew; it is there whole or not at all."""
    if (folder / BEST).exists():
        return load_model(folder)
    settings = learning.settings
    rng = Random(f"{learning.seed}/{folder.name}")
    count = settings.num_steps * settings.batch_size
    text = mixed(
        parts,
        Encoder(learning.tokenizer),
        num_sequences=count,
        length=learning.length,
        rng=rng,
    )
    working = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True)
    model = train(
        learning.core(),
        text.sequences,
        working,
        settings,
        seed=learning.seed,
        report=learning.report,
        watch=gain,
        precision=learning.precision,
    )
    shutil.rmtree(working / "checkpoints", ignore_errors=True)
    save_model(working, model, learning.tokenizer)
    write_json(working / BEST, gain.best)
    os.replace(working, folder)
    return model.eval()


def judged_by(
    copies: Copies,
    tokens: DayTokens,
    before_ST: np.ndarray,
    folds: Sequence[int],
    forms: Forms,
) -> tuple[Judged, bool]:
    """What becomes of the rows, and whether their rules stand other symbols: whether the copy that learned
    variants too does as well out of its fold as the one that didn't.
    """
    by_copy = [logprobs(model, tokens.sequences) for model in copies.out]
    in_first_ST = np.isin(tokens.row_ST, [n for n, fold in enumerate(folds) if fold == 0])
    out_ST = np.where(in_first_ST, by_copy[0], by_copy[1])
    own_ST = np.where(in_first_ST, by_copy[1], by_copy[0])
    judged = judge(tokens, forms.by_form(tokens.rows), before_ST, out_ST, own_ST)
    if copies.varied is None:
        return judged, False
    asked = [n for n in judged.learned if folds[n] == 0 and "prompt" in tokens.rows[n]]
    plain_gain = tokens.mean(by_copy[0] - before_ST, asked)
    varied_ST = logprobs(copies.varied, tokens.sequences)
    return judged, tokens.mean(varied_ST - before_ST, asked) >= KEPT_SHARE * plain_gain
