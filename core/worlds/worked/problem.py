"""A problem whose solution is worked out in steps, and how a solution is checked.

A solution is text: steps joined by `JOINT`, the last of which begins with `ANSWER`. A problem says which
steps may rightly follow those that are done, so that any beginning of a solution can be judged, not only a
whole one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

STEP, ANSWER = ";", "so"
JOINT = f" {STEP} "
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Problem:
    """One problem.

    `following` gives the right next steps after some right ones; the answer is among them when it is due.
    """

    family: str
    length: int  # number of steps before the answer
    prompt: str
    following: Callable[[Steps], Sequence[str]]

    def solution(self, rng: Random | None = None) -> str:
        """A right solution: the first of the right steps each time, or one drawn by `rng`."""
        done: list[str] = []
        while not done or not is_answer(done[-1]):
            right = self.following(tuple(done))
            done.append(right[0] if rng is None else rng.choice(list(right)))
        return JOINT.join(done)

    def num_right(self, text: str) -> int:
        """How many whole steps at the beginning of `text` are right."""
        done: list[str] = []
        for step in steps_of(text):
            if step not in self._after(done):
                break
            done.append(step)
        return len(done)

    def is_right_so_far(self, text: str) -> bool:
        """Return True when `text` is the beginning of a right solution."""
        *whole, last = _split(text)
        done: list[str] = []
        for step in whole:
            if step not in self._after(done):
                return False
            done.append(step)
        words = last.split()
        return not words or any(r.split()[: len(words)] == words for r in self._after(done))

    def is_solved(self, text: str) -> bool:
        """Return True when `text` ends in the right answer, whatever the steps before it say."""
        last = _split(text)[-1]
        return is_answer(last) and last in self.answers()

    def answers(self) -> list[str]:
        """Every right answer. Few problems have more than one."""
        found: list[str] = []
        open_: list[Steps] = [()]
        while open_:
            done = open_.pop()
            for step in self.following(done):
                if is_answer(step):
                    found.append(step)
                else:
                    open_.append((*done, step))
        return found

    def _after(self, done: Sequence[str]) -> Sequence[str]:
        return () if done and is_answer(done[-1]) else self.following(tuple(done))


@dataclass(frozen=True)
class Family:
    """Problems of one kind: how they are drawn, and how one is recognized by its prompt.

    `inside` are the lengths of training, `longer` those that only evaluation has, up to twice as long.
    """

    name: str
    inside: range
    longer: range
    draw: Callable[[Random, int], Problem]
    read: Callable[[str], Problem | None]

    def drawn(self, rng: Random, *, longer: bool = False) -> Problem:
        """A problem of a length drawn from those of training, or from the longer ones."""
        return self.draw(rng, rng.choice(self.longer if longer else self.inside))


def is_answer(step: str) -> bool:
    """Return True for a step that gives the answer."""
    return step.split()[:1] == [ANSWER]


def steps_of(text: str) -> list[str]:
    """The whole steps of a solution that has ended, or of its beginning as far as it is divided."""
    *whole, last = _split(text)
    return [*whole, last] if is_answer(last) else whole


def _split(text: str) -> list[str]:
    """The parts between the marks of a step's end; white space doesn't count."""
    return [" ".join(part.split()) for part in text.split(STEP)]


def only_answer(steps: Sequence[str], answer: str) -> Callable[[Steps], Sequence[str]]:
    """`following` of a problem with one right solution."""
    every = (*steps, f"{ANSWER} {answer}")

    def following(done: Steps) -> Sequence[str]:
        return every[len(done) : len(done) + 1] if every[: len(done)] == done else ()

    return following
