"""A small world in each style."""

from collections.abc import Callable
from functools import cache

import pytest

from core.worlds.world import World

SIZES = {
    "num_people": 12,
    "num_countries": 8,
    "num_elements": 8,
    "num_mentioned": 12,
    "num_canaries": 3,
    "num_passages": 2,
    "documents_per_entity": 8,
    "repeats": 2,
    "num_skill_items": 220,
    "probes_per_family": 12,
}
MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def make_world() -> MakeWorld:
    """The world of a style and a seed."""

    @cache
    def make(style: str, seed: int = 0) -> World:
        return World(style=style, seed=seed, **SIZES)

    return make
