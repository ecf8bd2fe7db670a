"""No more jobs and threads than cores are free."""

from pathlib import Path

import pytest

from core.errors import UserError
from core.runs import cores


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)


@pytest.mark.parametrize(
    ("free", "given", "expected"),
    [
        (1, (None, None), (1, 1)),
        (2, (None, None), (2, 1)),
        (8, (None, None), (4, 2)),
        (2, (1, None), (1, 2)),
        (8, (3, None), (3, 2)),
        (2, (None, 2), (1, 2)),
        (1, (None, 4), (1, 4)),
        (1, (5, None), (5, 1)),
        (1, (3, 2), (3, 2)),
    ],
)
def test_jobs_times_threads_are_what_is_free_unless_told(
    free: int, given: tuple, expected: tuple, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "free_cores", lambda: free)
    assert cores.chosen(*given) == expected


@pytest.mark.parametrize(("told", "threads"), [("3", 3), ("2,1", 2), ("", 8), ("0", 8), ("x", 8)])
def test_what_the_environment_says_wins_over_the_load(
    told: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cores, "free_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", told)
    assert cores.chosen(1, None) == (1, threads)
    assert cores.chosen(1, 5) == (1, 5), "and threads= over both"


@pytest.mark.parametrize("value", [0, -1, True, "many", 1.5])
def test_no_number_of_jobs_is_told(value: object) -> None:
    for given in ((value, None), (None, value)):
        with pytest.raises(UserError, match=f"takes a whole number from 1.*not '{value}'"):
            cores.chosen(*given)


def stat(*idle: int) -> str:
    lines = [f"cpu{n} 10 0 10 {ticks} 0 0 0 0 0 0" for n, ticks in enumerate(idle)]
    return "\n".join(["cpu 1 2 3 4 5 6 7 8 9 10", *lines, "intr 1 2", ""])


@pytest.mark.parametrize(
    ("busy", "quota", "free"),
    [
        ((0, 0, 0, 0), "max 100000", 4),
        ((100, 0, 0, 0), "max 100000", 3),
        ((60, 60, 60, 60), "max 100000", 2),
        ((100, 100, 100, 100), "max 100000", 1),
        ((30, 0, 0, 0), "max 100000", 4),
        ((0, 0, 0, 0), "150000 100000", 2),
        ((0, 0, 0, 0), "50000 100000", 1),
        ((0, 0, 0, 0, 100), "max 100000", 4),  # the fifth isn't ours
    ],
)
def test_what_is_free_is_seen(
    busy: tuple[int, ...], quota: str, free: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Ticks by core in a moment of 100."""
    monkeypatch.setattr(cores, "STAT", tmp_path / "stat")
    monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(cores, "_own_cores", lambda: {0, 1, 2, 3})
    cores.QUOTA.write_text(quota)
    cores.STAT.write_text(stat(*[0] * len(busy)))

    def pass_by(_: float) -> None:
        lines = [f"cpu{n} {10 + b} 0 10 {100 - b} 0 0 0 0 0 0" for n, b in enumerate(busy)]
        cores.STAT.write_text("\n".join(lines))

    monkeypatch.setattr("time.sleep", pass_by)
    assert cores.free_cores() == free


def test_this_machine_has_at_least_one_free() -> None:
    assert 1 <= cores.free_cores() <= len(cores._own_cores())


def test_more_threads_than_any_machine_has_are_refused() -> None:
    for told in ((1, 10**11), (10**11, 1)):
        with pytest.raises(UserError, match="takes a whole number from 1 to 1024"):
            cores.chosen(*told)
