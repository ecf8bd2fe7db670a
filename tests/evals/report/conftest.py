import pytest

from evals.scores import Score

# arm: recall, reasoning, most of half b that came back
LEVELS = {
    "teacher": (0.991, 0.712, 0.983),
    "core": (0.052, 0.705, 0.061),
    "rebound": (0.047, 0.668, 0.058),
    "refuser": (0.021, 0.699, 0.934),
}


def rows(arm: str, recall: float, reasoning: float, back: float) -> list[Score]:
    def row(axis: str, value: float, *, family: str = "all", step: int | None = None) -> Score:
        chance = 0.2 if axis == "reasoning" else 0.043
        better = axis == "reasoning"
        return Score(arm, axis, family, "accuracy", value, 0.011, 300, chance, better, step=step)

    return [
        row("recall", recall),
        row("reasoning", reasoning),
        row("reasoning", reasoning - 0.1, family="list_sort"),
        row("relearn_disjoint", recall, step=0),
        row("relearn_disjoint", back, step=25),
        row("relearn_disjoint", back - 0.02, step=100),
        row("relearn_direct", 0.9, step=25),
    ]


@pytest.fixture
def scores() -> list[Score]:
    # Not in the order in which they are to be shown.
    return [score for arm in sorted(LEVELS) for score in rows(arm, *LEVELS[arm])]
