"""Renaming: memories don't survive another name for what they are about; skills do.

A token is asked for once more behind a text whose free symbols have other names. What the text has named
before is expected under its new name; what is new at this place is expected as it was. So a token is lost
when what it was told *of* is renamed, and not because it was itself swapped for a rarer one.
"""

import random
from collections import defaultdict
from typing import NamedTuple

import numpy as np
from transformers import PreTrainedModel

from core.corpus.symbols import Renamed, Symbols
from core.errors import UserError
from forgetting.memory_map.pieces import Pieces
from forgetting.memory_map.scorer import Evidence, GapScorer, logprobs, score_of_gap


class Renaming(GapScorer):
    """Scores how much likelier the teacher finds a token in the text than behind the renamed one.

    The gap in log-likelihood is averaged over `num_renamings` random renamings; `gap` nats score one half.
    The tokens of a renamed word are compared together. Needs no second model.

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
        """Find the free symbols."""
        self.symbols = Symbols(pieces.texts)

    def score(self, evidence: Evidence, wanted_M: np.ndarray) -> np.ndarray:
        """See the base class."""
        total_M, times_M = np.zeros(len(wanted_M)), np.zeros(len(wanted_M))
        before_M = evidence.teacher_logprob_M
        for old, logprob, again in self.renamed_logprobs(evidence, wanted_M):
            total_M[old] += before_M[old].sum() - logprob
            times_M[old] += 1
        return score_of_gap(total_M / np.maximum(times_M, 1), self.gap)

    def renamed_logprobs(
        self, evidence: Evidence, wanted_M: np.ndarray
    ) -> list[tuple[np.ndarray, float]]:
        """Token numbers that go together and, for each renaming, the teacher's log-probability of them."""
        pieces, rng = evidence.pieces, random.Random(f"{self.seed}/renaming")
        chosen = [int(p) for p in pieces.pieces_with(wanted_M)] * self.num_renamings
        renamed = [self.symbols.rename(pieces.texts[piece], rng) for piece in chosen]
        encoded = evidence.tokenizer(
            [one.text for one in renamed], add_special_tokens=False, return_offsets_mapping=True
        )
        asked: list[_Asked] = []
        for piece, one, ids, spans in zip(
            chosen, renamed, encoded["input_ids"], encoded["offset_mapping"], strict=True
        ):
            opening = pieces.opening(piece)
            asked += _questions(
                _Text(pieces, wanted_M, piece),
                one,
                np.array([*opening, *ids], dtype=np.int64),
                np.array([*[(0, 0)] * len(opening), *spans]).reshape(-1, 2),
            )
        wanted = []
        for question in asked:
            mask = np.zeros(len(question.ids), dtype=bool)
            for _, new, _ in question.pairs:
                mask[new] = True
            wanted.append(mask)
        values = logprobs(
            evidence.teacher,
            [question.ids for question in asked],
            wanted,
            evidence.report,
            "renaming",
            targets=[question.targets for question in asked],
        )
        return [
            (old, float(value[new].sum()), again)
            for question, value in zip(asked, values, strict=True)
            for old, new, again in question.pairs
        ]


class _Text(NamedTuple):
    """A piece of the corpus, and the tokens that are asked about."""

    pieces: Pieces
    wanted_M: np.ndarray
    piece: int


class _Asked(NamedTuple):
    """Tokens to read, the token expected at each, and pairs of token numbers: in the corpus, and here."""

    ids: np.ndarray
    targets: np.ndarray
    pairs: list[tuple[np.ndarray, np.ndarray, bool]]


def _questions(
    text: _Text, renamed: Renamed, ids: np.ndarray, spans: np.ndarray
) -> list[_Asked]:
    """What to ask about a renamed text: the text itself, and each new word of several tokens by itself.

    A token without a counterpart is left out.
    """
    pieces, first, stop = text.pieces, *text.pieces.first[text.piece : text.piece + 2]
    starts, ends = pieces.start[first:stop], pieces.end[first:stop]
    new_at = {(int(a), int(b)): i for i, (a, b) in enumerate(spans)}
    by_word: dict[int, list[int]] = defaultdict(list)
    targets, pairs, apart = ids.copy(), [], []
    for t in range(stop - first):
        word = renamed.word_at(int(starts[t]), int(ends[t]))
        if word is not None:
            by_word[word].append(first + t)
        elif text.wanted_M[first + t]:
            moved = renamed.shift(int(starts[t]))
            new = new_at.get((int(starts[t]) + moved, int(ends[t]) + moved))
            if new is not None:
                pairs.append((np.array([first + t]), np.array([new]), False))
    for number, old in by_word.items():
        if not text.wanted_M[old].any():
            continue
        word = renamed.words[number]
        new = np.flatnonzero((spans[:, 0] < word.new_end) & (spans[:, 1] > word.new_start))
        if word.again:
            pairs.append((np.array(old), new, True))
        elif len(old) == 1:
            targets[new[0]] = pieces.ids[old[0]]
            pairs.append((np.array(old), new[:1], False))
        else:
            own = np.concatenate([ids[: new[0]], pieces.ids[old]])
            places = np.arange(new[0], len(own))
            apart.append(_Asked(own, own, [(np.array(old), places, False)]))
    return [_Asked(ids, targets, pairs), *apart]
