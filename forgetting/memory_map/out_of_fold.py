"""Exposure out of fold: the reference of each text is a model trained on the rest of the corpus.

Counterfactual memorization itself (Zhang et al., arXiv 2112.12938, equation 1), with one model a fold
instead of many random subsets. core/corpus/folds.py keeps what tells the same in one fold.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from core.errors import UserError
from forgetting.memory_map.references import files_of, load_reference
from forgetting.memory_map.scorer import Evidence, GapScorer


class OutOfFold(GapScorer):
    """Scores the gap in log-likelihood between the teacher and the reference that never saw the text.

    `paths` are Hugging Face folders with the corpus' tokenizer, in order of the folds: the model in
    `paths[i]` was trained on all rows outside fold i. `gap` nats score one half. Skills that both folds
    teach are told from memory exactly, few-item skills included; a reference has seen less text than the
    teacher, so a skill that takes all of it looks like memory.

    Cost: one pass over the texts concerned, shared among the references, and their training.
    """

    def __init__(self, *, paths: Sequence[str], gap: float = 1.0):
        """Raises UserError for a gap that isn't positive, or for fewer than two references."""
        super().__init__(gap=gap)
        if len(paths) < 2:
            raise UserError(
                f"OutOfFold: paths names {len(paths)} models; there is one a fold, two or more"
            )
        self.paths = list(paths)

    def files(self) -> list[Path]:
        """The files of all folders; raises UserError when one isn't there."""
        return [file for path in self.paths for file in files_of(path)]

    def prepare(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Load the models; raises UserError when one can't be read or has another tokenizer."""
        self.models = [load_reference(path, tokenizer) for path in self.paths]

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class; raises UserError when the corpus wasn't cut into as many folds."""
        num_folds = 0 if evidence.fold_P is None else int(evidence.fold_P.max()) + 1
        if evidence.fold_P is None or num_folds > len(self.models):
            raise UserError(
                f"OutOfFold: {len(self.models)} references for a corpus of {num_folds} folds; "
                "name one for each fold"
            )
        fold_M = np.repeat(evidence.fold_P, np.diff(evidence.pieces.first))
        score_M = np.zeros(len(wanted_M))
        for fold, model in enumerate(self.models):
            own_M = wanted_M & (fold_M == fold)
            if own_M.any():
                note = f"fold {fold + 1}/{len(self.models)}"
                score_M = np.where(own_M, self.score_against(model, evidence, own_M, note), score_M)
        return score_M
