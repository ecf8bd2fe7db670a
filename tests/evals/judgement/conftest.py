"""A toy model that solves coins by luck, and a value of it."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch

from core.judgement.reading import read_texts
from core.judgement.solutions import Writer
from core.judgement.value import Value, fit_value
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
    return [Coin("coin", 1, prompt, lambda done: ("so a b",)) for prompt in prompts]


@pytest.fixture
def writer(make_llama, toy_tokenizer) -> Writer:
    """A toy model that ends a text as one token in five."""
    made = Writer(make_llama(seed=1), toy_tokenizer, most=12)
    made.ends = made.check.ends = set(ENDS)
    return made


@pytest.fixture
def value(writer: Writer, coins: list[Problem]) -> Value:
    generator = torch.Generator().manual_seed(0)
    solutions = [s for own in writer.attempts(coins, 8, generator=generator) for s in own]
    readings = read_texts(writer.model, [(s.prompt, s.written) for s in solutions], -1)
    return fit_value(readings, [s.right for s in solutions], layer=-1, core="mine")


@pytest.fixture
def seeded() -> Callable[[], torch.Generator]:
    return lambda: torch.Generator().manual_seed(0)
