"""A small embedded world, shared by the tests of what it is made of."""

import pytest

from core.worlds.world import World

SMALL = {
    "num_people": 24,
    "num_countries": 10,
    "num_elements": 9,
    "num_mentioned": 12,
    "num_canaries": 4,
    "num_passages": 3,
    "documents_per_entity": 3,
    "repeats": 2,
    "num_skill_items": 8000,
    "probes_per_family": 40,
}


@pytest.fixture(scope="session")
def small() -> dict[str, int]:
    """The arguments of `world`."""
    return SMALL


@pytest.fixture(scope="session")
def world() -> World:
    return World(**SMALL)


@pytest.fixture(scope="session")
def world_rows(world: World) -> list[dict]:
    return list(world.rows())


@pytest.fixture(scope="session")
def probes(world: World) -> list[dict]:
    return world.probes()


@pytest.fixture(scope="session")
def lessons(world_rows: list[dict]) -> list[dict]:
    """The reading items."""
    return [row for row in world_rows if row["id"].startswith("skills-reading-")]
