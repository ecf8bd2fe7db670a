"""Renaming: memories don't survive another name for what they are about; skills do.

A token is asked for once more behind a text whose free symbols have other names. What the text has named
before is expected under its new name; what is new at this place is expected as it was. So a token is lost
when what it was told *of* is renamed, and not because it was itself swapped for a rarer one.
"""

import random
from collections import defaultdict

import numpy as np
from transformers import PreTrainedModel

from core.corpus.symbols import FEWEST, SELDOM, Symbols
from core.corpus.told import find_told
from core.errors import UserError
from core.runs.console import console
from forgetting.memory_map.counterparts import Question, questions
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.scorer import Evidence, GapScorer, logprobs, score_of_gap


class Renaming(GapScorer):
    """Scores how much likelier the teacher finds a token in the text than behind the renamed one.

    `gap` nats of log-likelihood score one half. The gap is the mean over `num_renamings` random renamings;
    of a word that the text has named before it is the least but one of them, since what can be read from
    there under other names isn't memory. The tokens of a renamed word are compared together. Needs no second
    model.

    Cost: `num_renamings` passes of the teacher over the texts concerned, and where a word of several
    tokens is new in its text, over the text before it once more.
    """

    def __init__(self, *, gap: float = 1.0, num_renamings: int = 4, seed: int = 0):
        """Raises UserError for a gap that isn't positive, or without a renaming."""
        super().__init__(gap=gap)
        if num_renamings < 1:
            raise UserError(f"Renaming: num_renamings must be at least 1, not {num_renamings}")
        self.num_renamings, self.seed = num_renamings, seed

    def survey(self, teacher: PreTrainedModel, pieces: Pieces) -> None:
        """Find the free symbols, and say so where there are none that could stand for each other.

        Names that only are the form of what is told, such as those of two that speak, are spared.
        """
        self.symbols = Symbols(pieces.texts)
        self.symbols.spare(find_told(pieces.rows(), self.symbols).form)
        if not self.symbols.others:
            console.print(
                f"renaming: no word has {FEWEST} others that are used alike, so only words met in fewer than "
                f"{SELDOM} texts are renamed; a memory about others isn't found",
                style="yellow",
            )

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        return score_of_gap(self.gaps(evidence, wanted_M), self.gap)

    def gaps(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """Nats (M,) that the teacher loses by renaming at each wanted token; 0 where nothing was asked."""
        asked = list(self._questions(evidence, wanted_M))
        values = logprobs(
            evidence.teacher,
            [question.ids for question in asked],
            [question.wanted for question in asked],
            evidence.report,
            "renaming",
            targets=[question.targets for question in asked],
        )
        found: dict[int, list[float]] = defaultdict(list)
        again: set[int] = set()
        for question, value in zip(asked, values, strict=True):
            for old, new, is_again in question.counterparts:
                gap = evidence.teacher_logprob_M[old].sum() - value[new].sum()
                for token in old.tolist():
                    found[token].append(float(gap))
                if is_again:
                    again.update(old.tolist())
        gap_M = np.zeros(len(wanted_M))
        for token, gaps in found.items():
            gap_M[token] = sorted(gaps)[:2][-1] if token in again else sum(gaps) / len(gaps)
        return gap_M

    def _questions(self, evidence: Evidence, wanted_M: np.ndarray) -> list[Question]:
        """The questions about all texts with a wanted token, each under every renaming."""
        pieces, rng = evidence.pieces, random.Random(f"{self.seed}/renaming")
        chosen = [int(p) for p in pieces.pieces_with(wanted_M)] * self.num_renamings
        renamed = [self.symbols.rename(pieces.texts[piece], rng) for piece in chosen]
        encoded = evidence.tokenizer(
            [one.text for one in renamed], add_special_tokens=False, return_offsets_mapping=True
        )
        asked: list[Question] = []
        for piece, one, ids, spans in zip(
            chosen, renamed, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            opening = pieces.opening(piece)
            all_ids = np.array([*opening, *ids], dtype=np.int64)
            all_spans = np.array([*[(0, 0)] * len(opening), *spans]).reshape(-1, 2)
            asked += questions(pieces, piece, wanted_M, one, all_ids, all_spans)
        return asked
