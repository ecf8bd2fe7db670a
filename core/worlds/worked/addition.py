"""Addition digit by digit from the right, with the carry in and out."""

import re
from random import Random

from core.worlds.worked.problem import Family, Problem, only_answer

NAME = "addition"
PROMPT = re.compile(r"Add: ((?:\d )+)\+ ((?:\d )+)=>")


def draw(rng: Random, length: int) -> Problem:
    """Two numbers of `length` digits."""
    return _problem(*([rng.randint(0, 9) for _ in range(length)] for _ in range(2)))


def read(prompt: str) -> Problem | None:
    """The problem that the prompt states, or None."""
    found = PROMPT.fullmatch(prompt.strip())
    numbers = [[int(digit) for digit in part.split()] for part in found.groups()] if found else []
    return _problem(*numbers) if numbers and len(numbers[0]) == len(numbers[1]) else None


def _problem(left: list[int], right: list[int]) -> Problem:
    carry, steps, digits = 0, list[str](), list[int]()
    for a, b in zip(reversed(left), reversed(right), strict=True):
        total = a + b + carry
        steps.append(f"{a} {b} {carry} {total % 10} {total // 10}")
        digits, carry = [total % 10, *digits], total // 10
    digits = [carry, *digits] if carry else digits
    spelled = [" ".join(map(str, number)) for number in (left, right, digits)]
    prompt = f"Add: {spelled[0]} + {spelled[1]} =>"
    return Problem(NAME, len(left), prompt, only_answer(steps, spelled[2]))


FAMILY = Family(NAME, range(2, 5), range(5, 9), draw, read)
