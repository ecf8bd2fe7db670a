"""Amounts are told as one would say them."""

import pytest

from core.runs.amounts import about, spelled_size


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (0.0, "no time"),
        (0.3, "about a second"),
        (1.4, "about a second"),
        (2, "about 2 seconds"),
        (100, "about 2 minutes"),
    ],
)
def test_little_time_is_told_in_words(seconds: float, told: str) -> None:
    assert about(seconds) == told


def test_little_memory_is_told_in_words() -> None:
    assert [spelled_size(size) for size in (0.0002, 0.002, 2)] == [
        "under a megabyte",
        "2 MB",
        "2.0 GB",
    ]
