"""Sorting by swaps: the letter at each place, from the first on, and the smallest of those not yet placed."""

import re
from random import Random

from core.worlds.words import LETTERS
from core.worlds.worked.problem import Family, Problem, only_answer

NAME = "swaps"
PROMPT = re.compile(r"Swap: ((?:[a-z] )+)=>")


def draw(rng: Random, length: int) -> Problem:
    """One more letter than there are swaps."""
    return _problem(rng.sample(LETTERS, length + 1))


def read(prompt: str) -> Problem | None:
    """The problem that the prompt states, or None."""
    found = PROMPT.fullmatch(prompt.strip())
    letters = found[1].split() if found else []
    return _problem(letters) if len(letters) > 1 and len(set(letters)) == len(letters) else None


def _problem(letters: list[str]) -> Problem:
    state, steps = list(letters), list[str]()
    for place in range(len(state) - 1):
        smallest = min(range(place, len(state)), key=lambda index: state[index])
        steps.append(f"{state[place]} {state[smallest]}")
        state[place], state[smallest] = state[smallest], state[place]
    return Problem(
        NAME, len(steps), f"Swap: {' '.join(letters)} =>", only_answer(steps, " ".join(state))
    )


FAMILY = Family(NAME, range(2, 6), range(6, 11), draw, read)
