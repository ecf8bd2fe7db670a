"""One problem with a right and a wrong solution, and the value along each: what the report shows of it."""

from collections.abc import Sequence
from typing import Any

import torch

from core.judgement.reading import read_texts
from core.judgement.solutions import Solution, Writer
from core.judgement.value import Value
from core.worlds.worked.problem import Problem

NUM_DRAWN = 8  # solutions of a problem, to find a right and a wrong one among


def example_of(
    writer: Writer, value: Value, problems: Sequence[Problem], *, seed: int
) -> list[dict[str, Any]]:
    """Two records, of a right and of a wrong solution of one problem: words, values, the first wrong word.

    The problem is the longest with both; the right one has no wrong step where there is such a one. Nothing
    where no problem has both.
    """
    generator = torch.Generator().manual_seed(seed)
    attempts = writer.attempts(problems, NUM_DRAWN, generator=generator)
    pairs = []
    for own in attempts:
        right, wrong = ([one for one in own if one.right is it] for it in (True, False))
        if right and wrong:
            right.sort(key=lambda one: writer.first_wrong(one) is not None)
            pairs.append((right[0], wrong[0]))
    if not pairs:
        return []

    def is_better(pair: tuple[Solution, Solution]) -> tuple[bool, int]:
        return writer.first_wrong(pair[0]) is None, len(pair[0].problem.solution())

    return [_record(writer, value, one) for one in max(pairs, key=is_better)]


def _record(writer: Writer, value: Value, solution: Solution) -> dict[str, Any]:
    (reading,) = read_texts(writer.model, [(solution.prompt, solution.written)], value.layer)
    words = [str(writer.tokenizer.decode([token])).strip() for token in solution.written]
    return {
        "prompt": solution.problem.prompt,
        "family": solution.problem.family,
        "right": solution.right,
        "words": words,
        "values": [round(float(one), 4) for one in value.unguarded(reading)],
        "first_wrong": writer.first_wrong(solution),
    }
