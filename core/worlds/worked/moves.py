"""State tracking: what lies at three places after each exchange of two of them."""

import re
from random import Random

from core.worlds.words import LETTERS
from core.worlds.worked.problem import Family, Problem, only_answer

NAME = "moves"
PAIRS = ("1 2", "1 3", "2 3")
PROMPT = re.compile(r"Move: ([a-z] [a-z] [a-z]) \|((?: \d \d ,)* \d \d) =>")


def draw(rng: Random, length: int) -> Problem:
    """So many exchanges."""
    return _problem(rng.sample(LETTERS, 3), rng.choices(PAIRS, k=length))


def read(prompt: str) -> Problem | None:
    """The problem that the prompt states, or None."""
    found = PROMPT.fullmatch(prompt.strip())
    if found is None:
        return None
    pairs = [" ".join(part.split()) for part in found[2].split(",")]
    return _problem(found[1].split(), pairs) if {*pairs} <= {*PAIRS} else None


def _problem(letters: list[str], pairs: list[str]) -> Problem:
    """Each step says which places are exchanged, and what lies there then."""
    state, steps = list(letters), list[str]()
    for pair in pairs:
        first, second = (int(place) - 1 for place in pair.split())
        state[first], state[second] = state[second], state[first]
        steps.append(" ".join([pair, *state]))
    prompt = f"Move: {' '.join(letters)} | {' , '.join(pairs)} =>"
    return Problem(NAME, len(pairs), prompt, only_answer(steps, " ".join(state)))


FAMILY = Family(NAME, range(2, 6), range(6, 11), draw, read)
