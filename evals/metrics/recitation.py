"""How much of a verbatim text is recited: extraction strength, and what greedy decoding continues with."""

from collections.abc import Sequence

import numpy as np

from core.errors import UserError
from core.models.extraction_strength import extraction_strength
from core.models.generate import greedy
from evals.metrics.measured import Measured, Subject, averaged, merged
from evals.recall.answers import encode
from evals.recall.forward import text_logits


def recitation(subject: Subject, *, prefix_shares: Sequence[float] = (0.25, 0.5, 0.75)) -> Measured:
    """Measure how much of the verbatim texts, prompt and answer, is recited.

    Args:
        subject: the arm, with its answers to the probes.
        prefix_shares: shares of a text's tokens that are given, each in (0, 1); the rest is generated.

    Returns:
        `extraction_strength` in [0, 1) (core/models/extraction_strength.py). For each share `exact_match@…`,
        1 where the rest is recited to the end, and `edit_distance@…`, the Levenshtein distance in tokens over
        the rest's length, of which more is better. A text of one token has no rest, and no scores.

    Raises:
        UserError: a share is outside (0, 1).
    """
    for share in prefix_shares:
        if not (isinstance(share, int | float) and 0 < share < 1):  # a list's items come unchecked
            raise UserError(
                f"metric.recitation.prefix_shares: a share is between 0 and 1, not {share}"
            )
    texts = {}
    for probe, _ in subject.asked("verbatim"):
        prompt, answer = encode(subject.tokenizer, probe.prompt, probe.answers[0])
        if len(prompt) + len(answer) > 1:
            texts[probe.id] = prompt + answer
    if not texts:
        return Measured()
    measured = [averaged(subject, "extraction_strength", _strengths(subject, texts))]
    for share in prefix_shares:
        ends = {key: min(max(round(share * len(t)), 1), len(t) - 1) for key, t in texts.items()}
        rests = {key: text[ends[key] :] for key, text in texts.items()}
        said = greedy(
            subject.model,
            [text[: ends[key]] for key, text in texts.items()],
            [len(rest) for rest in rests.values()],
        )
        exact, distance = {}, {}
        for (key, rest), own in zip(rests.items(), said, strict=True):
            exact[key] = float(own == rest)
            distance[key] = edit_distance(own, rest) / len(rest)
        measured += [
            averaged(subject, f"exact_match@{share:g}", exact),
            averaged(subject, f"edit_distance@{share:g}", distance, higher_is_better=True),
        ]
    return merged(measured)


def _strengths(subject: Subject, texts: dict[str, list[int]]) -> dict[str, float]:
    ids = list(texts.values())
    hits = {}
    for index, logits_TV in text_logits(subject.model, ids):
        said = logits_TV[:-1].argmax(1).cpu().numpy()
        hits[index] = np.concatenate([[False], said == np.array(ids[index][1:])])
    return {key: extraction_strength(hits[index]) for index, key in enumerate(texts)}


def edit_distance(a: Sequence[int], b: Sequence[int]) -> int:
    """Count the fewest insertions, deletions and substitutions that make `b` of `a` (Levenshtein).

    Args:
        a: tokens.
        b: tokens.

    Returns:
        The count.
    """
    columns = np.arange(len(b) + 1)
    row = columns
    for number, token in enumerate(a, start=1):
        # From above (deletion) or diagonally; then from the left, which is a running minimum.
        best = np.minimum(row[1:] + 1, row[:-1] + (np.asarray(b) != token))
        row = np.minimum.accumulate(np.concatenate([[number], best]) - columns) + columns
    return int(row[-1])
