"""The embedded world with problems whose solutions are worked out in steps."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from core.corpus.rows import Row
from core.errors import UserError
from core.worlds.worked.families import FAMILIES, families_of, problems
from core.worlds.worked.problem import Problem
from core.worlds.world import World

SOURCE = "solutions"


@dataclass(frozen=True, kw_only=True)
class WorkedWorld(World):
    """The world's rows, and as tasks `num_solutions` problems with their solutions.

    `solved` names the families; all of them are of the lengths of training. Longer problems, and those that
    evaluation asks, aren't in it.

    Raises:
        UserError: as `World` does; and a family without a checker, or fewer than one solution.
    """

    num_solutions: int = 40_000
    solved: Sequence[str] = field(default_factory=lambda: tuple(FAMILIES))

    def __post_init__(self) -> None:
        super().__post_init__()
        families_of(self.solved)
        if self.num_solutions < 1:
            raise UserError(f"corpus.num_solutions={self.num_solutions}: choose at least 1")

    def problems(
        self, use: str, count: int, *, part: str = "evaluation", longer: bool = False
    ) -> list[Problem]:
        """So many problems for a `use`, each of which draws others; none that the corpus has."""
        return problems(f"{self.seed}/{use}", count, self.solved, part=part, longer=longer)

    def rows(self) -> Iterator[Row]:
        """The training corpus, shuffled."""
        return self._mixed(super().rows())

    def rebound_rows(self) -> Iterator[Row]:
        """The same rows in the same order, with what only memory can tell redrawn in each."""
        return self._mixed(super().rebound_rows())

    def probes(self) -> list[dict[str, Any]]:
        """The world's, and of each family of problems some with their whole solution as the answer."""
        count = self.probes_per_family * len(self.solved)
        return [
            *super().probes(),
            *(
                {
                    "id": f"reasoning-worked-{number}",
                    "axis": "reasoning",
                    "family": f"worked {problem.family}",
                    "prompt": problem.prompt,
                    "answers": [problem.solution()],
                    "chance": 0.0,
                }
                for number, problem in enumerate(self.problems("probes", count))
            ),
        ]

    def _mixed(self, rows: Iterator[Row]) -> Iterator[Row]:
        every = [*rows, *self._solution_rows()]
        Random(f"{self.seed}/worked order").shuffle(every)
        return iter(every)

    def _solution_rows(self) -> Iterator[Row]:
        rng = Random(f"{self.seed}/solutions")
        for number, problem in enumerate(
            self.problems("corpus", self.num_solutions, part="corpus")
        ):
            yield {
                "id": f"solutions-{problem.family}-{number}",
                "prompt": problem.prompt,
                "completion": problem.solution(rng),
                "source": SOURCE,
            }
