"""Ordering: comparisons in any order, put into a chain from the top; the answer is who comes last."""

import re
from itertools import pairwise
from random import Random

from core.worlds.words import LETTERS
from core.worlds.worked.problem import Family, Problem, only_answer

NAME = "chains"
PROMPT = re.compile(r"Chain: ([a-z] [a-z](?: , [a-z] [a-z])*) =>")


def draw(rng: Random, length: int) -> Problem:
    """So many comparisons, shuffled."""
    pairs = [f"{high} {low}" for high, low in pairwise(rng.sample(LETTERS, length + 1))]
    rng.shuffle(pairs)
    problem = _problem(pairs)
    assert problem is not None
    return problem


def read(prompt: str) -> Problem | None:
    """The problem that the prompt states, or None."""
    found = PROMPT.fullmatch(prompt.strip())
    return _problem(found[1].split(" , ")) if found else None


def _problem(pairs: list[str]) -> Problem | None:
    """None where the pairs are no chain."""
    below = dict(pair.split() for pair in pairs)
    tops = set(below) - set(below.values())
    if len(below) != len(pairs) or len(tops) != 1:
        return None
    (at,) = tops
    steps: list[str] = []
    while at in below and len(steps) <= len(pairs):
        steps.append(f"{at} {below[at]}")
        at = below[at]
    prompt = f"Chain: {' , '.join(pairs)} =>"
    return (
        Problem(NAME, len(steps), prompt, only_answer(steps, at))
        if len(steps) == len(pairs)
        else None
    )


FAMILY = Family(NAME, range(2, 6), range(6, 11), draw, read)
