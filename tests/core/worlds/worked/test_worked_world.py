"""The world with solved problems: what its corpus and probes hold."""

import pytest

from core.errors import UserError
from core.worlds.worked.families import FAMILIES, problem_of
from core.worlds.worked.world import SOURCE, WorkedWorld

SIZES = {
    **{"num_people": 8, "num_countries": 8, "num_elements": 8, "num_mentioned": 12},
    **{"num_canaries": 2, "num_passages": 1, "documents_per_entity": 1, "repeats": 1},
    **{"num_skill_items": 30, "probes_per_family": 4},
}


@pytest.fixture(scope="module")
def world() -> WorkedWorld:
    return WorkedWorld(num_solutions=100, **SIZES)


def test_its_solutions_are_right_and_of_the_lengths_of_training(world: WorkedWorld) -> None:
    rows = [row for row in world.rows() if row["source"] == SOURCE]
    assert len(rows) == len({row["prompt"] for row in rows}) == 100
    for row in rows:
        problem = problem_of(row["prompt"])
        assert problem is not None and problem.is_solved(row["completion"])
        assert problem.length in FAMILIES[problem.family].inside


def test_its_probes_are_not_in_it(world: WorkedWorld) -> None:
    told = {row.get("prompt") for row in world.rows()}
    worked = [probe for probe in world.probes() if probe["family"].startswith("worked ")]
    assert len(worked) == 4 * len(FAMILIES)
    assert not told & {probe["prompt"] for probe in worked}


def test_the_rebound_corpus_has_the_same_rows_in_the_same_order(world: WorkedWorld) -> None:
    ids = [row["id"] for row in world.rows()]
    assert [row["id"] for row in world.rebound_rows()] == ids
    assert world.spans() and len(ids) == len(set(ids))


def test_families_and_counts_are_checked() -> None:
    with pytest.raises(UserError, match="no checker"):
        WorkedWorld(solved=["boolean"], **SIZES)
    with pytest.raises(UserError, match="num_solutions=0"):
        WorkedWorld(num_solutions=0, **SIZES)
