"""The families with a checker, and problems drawn from them."""

import zlib
from collections.abc import Mapping, Sequence
from random import Random

from core.errors import UserError, nearest
from core.worlds.worked import addition, chains, moves, paths, sorting
from core.worlds.worked.problem import Family, Problem

FAMILIES: Mapping[str, Family] = {
    family.name: family
    for family in (module.FAMILY for module in (addition, sorting, moves, chains, paths))
}
MAX_DRAWS = 10_000
# Which problems are for what, by their prompt: so none is met in two parts, whatever the seeds.
PARTS = {"corpus": range(2, 10), "value": range(1, 2), "evaluation": range(1)}
NUM_PARTS = 10


def families_of(names: Sequence[str]) -> list[Family]:
    """The families of these names. Raises UserError for one without a checker."""
    for name in names:
        if name not in FAMILIES:
            hint = nearest(name, FAMILIES) or ";"
            raise UserError(
                f"family '{name}' has no checker, so nothing says which of its solutions are right{hint} "
                f"families with one: {', '.join(FAMILIES)}"
            )
    return [FAMILIES[name] for name in names]


def problem_of(prompt: str) -> Problem | None:
    """The problem that a prompt states; None where it is of no family with a checker."""
    return next((p for f in FAMILIES.values() if (p := f.read(prompt)) is not None), None)


def problems(
    seed: str, count: int, names: Sequence[str] = (), *, part: str = "corpus", longer: bool = False
) -> list[Problem]:
    """So many different problems, the families in turn, of the lengths of training or the longer ones.

    `part` says what they are for (`PARTS`). Raises UserError for a family without a checker, and when there
    are no more different problems.
    """
    families = families_of(list(names) or list(FAMILIES))
    rng, seen, found = Random(f"{seed}/{part}/{longer}"), set[str](), list[Problem]()
    for number in range(count):
        problem = _new(families[number % len(families)], rng, seen, part, longer)
        seen.add(problem.prompt)
        found.append(problem)
    return found


def _new(family: Family, rng: Random, seen: set[str], part: str, longer: bool) -> Problem:
    for _ in range(MAX_DRAWS):
        problem = family.drawn(rng, longer=longer)
        place = zlib.crc32(problem.prompt.encode()) % NUM_PARTS
        if place in PARTS[part] and problem.prompt not in seen:
            return problem
    raise UserError(f"there are no more different problems of {family.name}: ask for fewer")
