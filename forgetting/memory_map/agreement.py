"""Several signs at once: a token is memory where all say so, or any, or where they do on average."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.errors import UserError, nearest
from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.scorer import Evidence, Scorer, refusals

COMBINATIONS = ("all", "any", "mean")


class Agreement(Scorer):
    """The least of the scores (`combine` all), the greatest (any), or their mean.

    A scorer may be an agreement itself. Cost: the sum of the scorers' costs. With `all`, a later scorer is
    asked only about tokens that the earlier ones flag, and with `any` about those that they don't, so the
    cheap ones stand first; with `mean`, each about every token.
    """

    def __init__(self, *, scorers: Mapping[str, Scorer | None], combine: str = "all"):
        """A scorer that is None is left out. Raises UserError for another combination, or without any."""
        if combine not in COMBINATIONS:
            hint = nearest(combine, COMBINATIONS) or "; choose all, any or mean"
            raise UserError(f"Agreement: no combination '{combine}'{hint}")
        self.scorers = {name: scorer for name, scorer in scorers.items() if scorer is not None}
        if not self.scorers:
            raise UserError("Agreement: no scorers; name at least one")
        self.combine = combine

    def files(self) -> list[Path]:
        """Those of the scorers."""
        return [path for scorer in self.scorers.values() for path in scorer.files()]

    def prepare(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Prepare the scorers."""
        for scorer in self.scorers.values():
            scorer.prepare(tokenizer)

    def survey(self, teacher: PreTrainedModel, pieces: Pieces) -> None:
        """Let the scorers survey."""
        for scorer in self.scorers.values():
            scorer.survey(teacher, pieces)

    def parts(self) -> list[Scorer]:
        """Those of the scorers."""
        return [part for scorer in self.scorers.values() for part in scorer.parts()]

    @property
    def signs(self) -> list[str]:
        """The scorers' names where all have to agree; else the agreement is one sign."""
        return list(self.scorers) if self.combine == "all" else super().signs

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        return self.judge(evidence, wanted_M)[0]

    def judge(self, evidence: Evidence, wanted_M: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See the base class."""
        if self.combine == "mean":
            scores = [scorer.score(evidence, wanted_M) for scorer in self.scorers.values()]
            score_M = np.where(wanted_M, np.mean(scores, axis=0), 0.0)
            return score_M, refusals(score_M, wanted_M)
        is_all = self.combine == "all"
        combine = np.minimum if is_all else np.maximum
        score_M = np.where(wanted_M, float(is_all), 0.0)
        refused_M = np.zeros(len(wanted_M), dtype=np.uint8)
        for number, scorer in enumerate(self.scorers.values(), start=1):
            open_M = wanted_M & ((score_M >= THRESHOLD) == is_all)
            if open_M.any():
                score_M = np.where(
                    open_M, combine(score_M, scorer.score(evidence, open_M)), score_M
                )
                refused_M[open_M & (score_M < THRESHOLD)] = number
        return score_M, refused_M if is_all else refusals(score_M, wanted_M)
