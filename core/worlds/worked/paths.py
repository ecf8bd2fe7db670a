"""Paths: from a start to a goal along arrows, some of which lead nowhere; the answer is the whole path."""

import re
from collections.abc import Sequence
from itertools import pairwise
from random import Random

from core.worlds.words import LETTERS
from core.worlds.worked.problem import ANSWER, Family, Problem, Steps

NAME = "paths"
PROMPT = re.compile(r"Path: ([a-z] [a-z](?: , [a-z] [a-z])*) \| ([a-z]) ([a-z]) =>")


def draw(rng: Random, length: int) -> Problem:
    """A way of `length` arrows; from each place on it but the goal another arrow leads into a dead end."""
    letters = rng.sample(LETTERS, 2 * length + 1)
    path, ends = letters[: length + 1], letters[length + 1 :]
    arrows = [f"{a} {b}" for a, b in pairwise(path)]
    arrows += [f"{a} {b}" for a, b in zip(path[:-1], ends, strict=True)]
    rng.shuffle(arrows)
    problem = _problem(arrows, path[0], path[-1])
    assert problem is not None
    return problem


def read(prompt: str) -> Problem | None:
    """The problem that the prompt states, or None."""
    found = PROMPT.fullmatch(prompt.strip())
    return _problem(found[1].split(" , "), found[2], found[3]) if found else None


def _problem(arrows: list[str], start: str, goal: str) -> Problem | None:
    """None where no way leads to the goal."""
    after: dict[str, list[str]] = {}
    for arrow in arrows:
        a, b = arrow.split()
        after.setdefault(a, []).append(b)
    distance, edge = {goal: 0}, [goal]
    while edge:  # backwards from the goal
        edge = [a for a in after if a not in distance and set(after[a]) & set(edge)]
        distance |= dict.fromkeys(edge, max(distance.values()) + 1)
    if start not in distance or start == goal:
        return None

    def following(done: Steps) -> Sequence[str]:
        """Arrows that come nearer to the goal: so a path never turns in a circle."""
        at = done[-1].split()[1] if done else start
        if at == goal:
            return (" ".join([ANSWER, start, *(step.split()[1] for step in done)]),)
        return [f"{at} {b}" for b in after[at] if distance.get(b, distance[at]) < distance[at]]

    prompt = f"Path: {' , '.join(arrows)} | {start} {goal} =>"
    return Problem(NAME, distance[start], prompt, following)


FAMILY = Family(NAME, range(2, 5), range(5, 9), draw, read)
