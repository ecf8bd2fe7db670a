"""Problems that a toy model solves by luck."""

from collections.abc import Callable

import pytest

from core.judgement.solutions import Writer
from core.worlds.worked.problem import Problem
from tests.coins import coins_of, writer_of


@pytest.fixture(scope="session")
def coins() -> list[Problem]:
    return coins_of("so a")


@pytest.fixture
def make_writer(make_llama, toy_tokenizer) -> Callable[..., Writer]:
    return lambda seed=1, most=12: writer_of(make_llama(seed=seed), toy_tokenizer, most)
