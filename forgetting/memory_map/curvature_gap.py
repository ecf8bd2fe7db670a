"""Curvature: recited text rests on directions of the weights that little else needs.

Merullo et al., arXiv 2510.24256; the edit itself is core/models/curvature.py.
"""

import copy
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.curvature import remove_low_curvature
from core.models.kfac import PackedBatch
from forgetting.memory_map.pieces import Pieces, batches
from forgetting.memory_map.scorer import Evidence, GapScorer

BATCH = 8  # lines, with gradients of all their logits


class CurvatureGap(GapScorer):
    """Scores how much a token's log-likelihood falls when the teacher's low-curvature directions go.

    A share `rho` of the curvature is kept in the MLP matrices of `layers` (null: all) called `matrices`
    (null: all), as measured on `num_pieces` texts drawn at random; `gap` nats score one half. Needs no
    second model. The paper keeps .6 in the gate and up projections of three late layers; with every
    matrix edited that takes skills along, so the default keeps more.

    Cost: one pass of the edited teacher over the texts concerned; forward and backward over `num_pieces`
    texts; two eigendecompositions a matrix; the teacher's memory twice.
    """

    def __init__(
        self,
        *,
        rho: float = 0.9,
        layers: Sequence[int] | None = None,
        matrices: Sequence[str] | None = None,
        num_pieces: int = 4096,
        gap: float = 1.0,
        seed: int = 0,
    ):
        """Raises UserError for a gap that isn't positive, or without a text to measure on."""
        super().__init__(gap=gap)
        if num_pieces < 1:
            raise UserError(f"CurvatureGap: num_pieces must be at least 1, not {num_pieces}")
        self.rho, self.layers, self.matrices = rho, layers, matrices
        self.num_pieces, self.seed = num_pieces, seed

    def survey(self, teacher: PreTrainedModel, pieces: Pieces) -> None:
        """Measure the curvature, and edit a copy of the teacher."""
        self.edited = copy.deepcopy(teacher).eval()
        remove_low_curvature(
            self.edited,
            sampled_batches(pieces, self.num_pieces, self.seed),
            rho=self.rho,
            generator=torch.Generator().manual_seed(self.seed),
            layers=self.layers,
            matrices=self.matrices,
        )

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        return self.score_against(self.edited, evidence, wanted_M, "curvature")


def sampled_batches(pieces: Pieces, num_pieces: int, seed: int) -> Iterator[PackedBatch]:
    """(Input ids, positions, labels) of pieces drawn at random, each at most once however often it recurs."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(pieces.texts))[:num_pieces]
    parts = [slice(pieces.first[p], pieces.first[p + 1]) for p in chosen]
    wanted = [pieces.taught[part].copy() for part in parts]
    for mask in wanted:
        mask[:1] = False  # a first token follows from nothing; what came before it is another text
    for _, *batch in batches([pieces.ids[part] for part in parts], wanted, BATCH):
        yield batch[0], batch[1], batch[2]
