"""Renaming: memories don't survive a consistent renaming of a document's free symbols; skills do."""

import random
from collections import defaultdict

import numpy as np

from core.errors import UserError
from forgetting.memory_map.scorer import Evidence, GapScorer, logprobs, score_of_gap
from forgetting.memory_map.symbols import Renamed, Symbols


class Renaming(GapScorer):
    """Scores how much likelier the teacher finds a token than its counterpart in the renamed text.

    The gap in log-likelihood is averaged over `num_renamings` random renamings; `gap` nats score one
    half. A renamed word is compared as a whole with its new name. Needs no second model.

    Cost: `num_renamings` passes of the teacher over the texts concerned.
    """

    def __init__(self, *, gap: float = 1.0, num_renamings: int = 4, seed: int = 0):
        """Raises UserError for a gap that isn't positive, or without a renaming."""
        super().__init__(gap=gap)
        if num_renamings < 1:
            raise UserError(f"Renaming: num_renamings must be at least 1, not {num_renamings}")
        self.num_renamings, self.seed = num_renamings, seed

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        pieces = evidence.pieces
        symbols = Symbols(pieces.texts)
        rng = random.Random(f"{self.seed}/renaming")
        chosen = [int(p) for p in pieces.pieces_with(wanted_M)]
        asked = [(p, symbols.rename(pieces.texts[p], rng)) for p in chosen * self.num_renamings]
        encoded = evidence.tokenizer(
            [renamed.text for _, renamed in asked],
            add_special_tokens=False,
            return_offsets_mapping=True,
        )
        openings = [pieces.opening(piece) for piece, _ in asked]
        spans = [
            np.array([*[(0, 0)] * len(opening), *own]).reshape(-1, 2)
            for opening, own in zip(openings, encoded["offset_mapping"], strict=True)
        ]
        pairs = [
            _align(evidence, wanted_M, piece, renamed, new_spans)
            for (piece, renamed), new_spans in zip(asked, spans, strict=True)
        ]
        ids = [
            np.array([*opening, *own], dtype=np.int64)
            for opening, own in zip(openings, encoded["input_ids"], strict=True)
        ]
        wanted = []
        for tokens, pair in zip(ids, pairs, strict=True):
            mask = np.zeros(len(tokens), dtype=bool)
            for _, new in pair:
                mask[new] = True
            wanted.append(mask)
        values = logprobs(evidence.teacher, ids, wanted, evidence.report, "renaming")
        total_M, times_M = np.zeros(len(wanted_M)), np.zeros(len(wanted_M))
        for pair, new_logprob in zip(pairs, values, strict=True):
            for old, new in pair:
                gap = evidence.teacher_logprob_M[old].sum() - new_logprob[new].sum()
                total_M[old] += gap
                times_M[old] += 1
        return score_of_gap(total_M / np.maximum(times_M, 1), self.gap)


def _align(
    evidence: Evidence, wanted_M: np.ndarray, piece: int, renamed: Renamed, new_spans: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Pairs of (token numbers in the corpus, token numbers in the renamed text) that correspond.

    Tokens of one renamed word go together. A token without a counterpart is left out.
    """
    pieces = evidence.pieces
    begin, stop = pieces.first[piece], pieces.first[piece + 1]
    starts, ends = pieces.start[begin:stop], pieces.end[begin:stop]
    new_at = {(int(a), int(b)): i for i, (a, b) in enumerate(new_spans)}
    by_word: dict[int, list[int]] = defaultdict(list)
    pairs = []
    for t in range(stop - begin):
        word = renamed.word_at(int(starts[t]), int(ends[t]))
        if word is not None:
            by_word[word].append(begin + t)
        elif wanted_M[begin + t]:
            moved = renamed.shift(int(starts[t]))
            new = new_at.get((int(starts[t]) + moved, int(ends[t]) + moved))
            if new is not None:
                pairs.append((np.array([begin + t]), np.array([new])))
    for word, old in by_word.items():
        if wanted_M[old].any():
            _, _, a, b = renamed.words[word]
            new_tokens = np.flatnonzero((new_spans[:, 0] < b) & (new_spans[:, 1] > a))
            pairs.append((np.array(old), new_tokens))
    return pairs
