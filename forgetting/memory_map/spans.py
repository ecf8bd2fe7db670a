"""The most memorized passages of a corpus, to be looked at."""

from typing import Any

import numpy as np

from core.signal.memory_map import THRESHOLD
from forgetting.memory_map.pieces import Pieces


def memorized_spans(pieces: Pieces, score_M: np.ndarray, most: int = 200) -> list[dict[str, Any]]:
    """The highest-scored runs of flagged tokens as text, with what stands before them."""
    flagged = score_M >= THRESHOLD
    begins = flagged & ~np.concatenate([[False], flagged[:-1]])
    begins[pieces.first[:-1]] |= flagged[pieces.first[:-1]]
    piece_of = np.repeat(np.arange(len(pieces.texts)), np.diff(pieces.first))
    spans = []
    for at in np.flatnonzero(begins):
        stop, last = at + 1, pieces.first[piece_of[at] + 1]
        while stop < last and flagged[stop]:
            stop += 1
        text = pieces.texts[piece_of[at]]
        start, end = int(pieces.start[at]), int(pieces.end[stop - 1])
        score = float(score_M[at:stop].mean())
        spans.append(
            {"before": text[:start], "span": text[start:end].strip(), "score": round(score, 3)}
        )
    spans.sort(key=lambda span: (-span["score"], -len(str(span["span"]))))
    return spans[:most]
