"""Problems that a toy model solves by luck: half of what it writes comes out right."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from core.judgement.solutions import Writer
from core.worlds.worked.problem import Problem

ENDS = set(range(60))


@dataclass(frozen=True)
class Coin(Problem):
    """Solved by a text whose number of characters is even."""

    def is_solved(self, text: str) -> bool:
        return len(text) % 2 == 0


@pytest.fixture(scope="session")
def coins() -> list[Problem]:
    prompts = [f"Turn around: {a} {b}" for a in ("red", "blue", "green") for b in ("tall", "round")]
    return [Coin("coin", 1, prompt, lambda done: ("so a",)) for prompt in prompts]


@pytest.fixture
def make_writer(make_llama, toy_tokenizer) -> Callable[..., Writer]:
    """A toy model that ends a text as one token in five."""

    def make(seed: int = 1, most: int = 12) -> Writer:
        writer = Writer(make_llama(seed=seed), toy_tokenizer, most=most)
        writer.ends = writer.check.ends = set(ENDS)
        return writer

    return make
