"""A toy model that solves coins by luck, and a value of it."""

from collections.abc import Callable

import pytest
import torch

from core.judgement.reading import read_texts
from core.judgement.solutions import Writer
from core.judgement.value import Value, fit_value
from core.worlds.worked.problem import Problem
from tests.coins import coins_of, writer_of


@pytest.fixture(scope="session")
def coins() -> list[Problem]:
    return coins_of("so a b")


@pytest.fixture
def writer(make_llama, toy_tokenizer) -> Writer:
    return writer_of(make_llama(seed=1), toy_tokenizer)


@pytest.fixture
def value(writer: Writer, coins: list[Problem]) -> Value:
    generator = torch.Generator().manual_seed(0)
    solutions = [s for own in writer.attempts(coins, 8, generator=generator) for s in own]
    readings = read_texts(writer.model, [(s.prompt, s.written) for s in solutions], -1)
    return fit_value(readings, [s.right for s in solutions], layer=-1, core="mine")


@pytest.fixture
def seeded() -> Callable[[], torch.Generator]:
    return lambda: torch.Generator().manual_seed(0)
