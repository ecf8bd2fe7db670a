"""Any other model as the reference: what it can't predict and the teacher can is the teacher's memory.

The difference of two models' log-likelihoods, as in reference-calibrated membership inference
(Carlini et al., arXiv 2012.07805, section 5).
"""

from pathlib import Path

import numpy as np
from transformers import PreTrainedTokenizerFast

from forgetting.memory_map.references import files_of, load_reference
from forgetting.memory_map.scorer import Evidence, GapScorer


class ReferenceGap(GapScorer):
    """Scores the gap in log-likelihood between the teacher and the model in `path`.

    `path` is a Hugging Face folder with the corpus' tokenizer; `gap` nats score one half. What the other
    model has memorized too isn't found, and what it is too weak for looks like memory: a reference as
    strong as the teacher that hasn't read this corpus is best.

    Cost: one pass of the other model over the texts concerned.
    """

    def __init__(self, *, path: str, gap: float = 1.0):
        super().__init__(gap=gap)
        self.path = path

    def files(self) -> list[Path]:
        """The files of the model folder; raises UserError when there is none."""
        return files_of(self.path)

    def prepare(self, tokenizer: PreTrainedTokenizerFast) -> None:
        """Load the model; raises UserError when it can't be read or has another tokenizer."""
        self.model = load_reference(self.path, tokenizer)

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        return self.score_against(self.model, evidence, wanted_M, "reference")
