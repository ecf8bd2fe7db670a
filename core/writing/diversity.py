"""How varied texts are: distinct n-grams, the entropy of their words, how far they can be compressed."""

import zlib
from collections import Counter
from collections.abc import Sequence
from math import log2

from core.corpus.script import words_of

LONGEST = 4  # words in an n-gram


def diversity(texts: Sequence[str]) -> dict[str, float]:
    """How many `words`, and how varied they are; empty for texts without a word.

    `distinct_1` to `distinct_4`: of all n-grams, the share that is different (Li et al., arXiv 1510.03055).
    `entropy`: of the words, in bits. `compression`: bytes by bytes after zlib; the higher, the more repeats.
    """
    words = [words_of(text.lower()) for text in texts]
    counts = Counter(word for found in words for word in found)
    total = counts.total()
    if not total:
        return {}
    measured: dict[str, float] = {"words": total}
    for n in range(1, LONGEST + 1):
        grams = [
            gram for found in words for gram in zip(*(found[i:] for i in range(n)), strict=False)
        ]
        measured[f"distinct_{n}"] = len(set(grams)) / len(grams) if grams else 1.0
    measured["entropy"] = -sum(c / total * log2(c / total) for c in counts.values())
    raw = "\n".join(texts).encode(errors="replace")
    measured["compression"] = len(raw) / len(zlib.compress(raw, 9))
    return {key: round(value, 3) for key, value in measured.items()}
