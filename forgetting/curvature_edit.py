"""A start without the directions of the MLPs that only single texts need (core/models/curvature.py)."""

from collections.abc import Sequence

import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Text
from core.models.curvature import batches_of, remove_low_curvature
from core.training.regularizer import Regularizer


class CurvatureEdit(Regularizer):
    """The student's MLPs lose a share `strength` of their curvature, the directions with the least first.

    Curvature is measured on `num_sequences` of the corpus. `layers` are numbers and `matrices` names such
    as gate_proj; None is all. Directions that the text of `protected` needs stay as well: arithmetic suffers
    most otherwise. Merullo et al., arXiv 2510.24256; they keep .6 in three late layers.
    """

    def __init__(
        self,
        *,
        strength: float = 0.1,
        layers: Sequence[int] | None = None,
        matrices: Sequence[str] | None = None,
        num_sequences: int = 1024,
        protected: Text | None = None,
    ):
        super().__init__(strength=strength)
        self.layers, self.matrices, self.num_sequences = layers, matrices, num_sequences
        self.protected = protected

    def read_corpus(self, sequences: Dataset, tokenizer: PreTrainedTokenizerBase) -> None:
        """Keep the corpus to measure on, and the protected text, packed alike."""
        self.sequences, self.protected_sequences = sequences, None
        if self.protected is not None and self.strength > 0:
            length = len(sequences[0]["input_ids"])
            rows = self.protected.rows()
            self.protected_sequences = pack(rows, Encoder(tokenizer), sequence_length=length)

    def prepare_student(self, student: PreTrainedModel, generator: torch.Generator) -> None:
        """Edit the MLPs in place."""
        if self.strength == 0:
            return
        seed = int(torch.randint(2**31, (), generator=generator))
        protected = self.protected_sequences
        remove_low_curvature(
            student,
            batches_of(self.sequences, self.num_sequences, seed),
            rho=1 - self.strength,
            generator=generator,
            layers=self.layers,
            matrices=self.matrices,
            protected=protected and batches_of(protected, self.num_sequences, seed),
        )
