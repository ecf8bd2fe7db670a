"""Writing on until a text ends: what is written, and that batching doesn't change it."""

import pytest
import torch
from transformers import PreTrainedModel

from core.models import rollout
from core.models.generate import greedy
from core.models.rollout import write_on

BEGINNINGS = [[5, 6, 7], [8, 9], [10, 11, 12, 13, 14], [4, 3]]


def seeded() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_without_a_generator_the_likeliest_is_taken(any_model: PreTrainedModel) -> None:
    known = greedy(any_model, BEGINNINGS, [6] * 4)
    assert write_on(any_model, BEGINNINGS, ends=(), most=6) == known


def test_a_row_ends_with_the_first_end(any_model: PreTrainedModel) -> None:
    known = greedy(any_model, BEGINNINGS, [6] * 4)
    ends = {known[0][2], known[1][0]}
    for row, whole in zip(write_on(any_model, BEGINNINGS, ends=ends, most=6), known, strict=True):
        first = next((n for n, token in enumerate(whole) if token in ends), 5)
        assert row == whole[: first + 1]


def test_what_is_drawn_does_not_depend_on_the_batch(
    make_llama, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, ends = make_llama(seed=1), set(range(100))
    together = write_on(model, BEGINNINGS, ends=ends, most=12, generator=seeded())
    assert len({len(row) for row in together}) > 1
    monkeypatch.setattr(rollout, "TOKENS_AT_ONCE", 1)
    assert write_on(model, BEGINNINGS, ends=ends, most=12, generator=seeded()) == together


def test_the_context_bounds_what_is_written(make_llama) -> None:
    model = make_llama(seed=1, max_position_embeddings=8)
    rows = write_on(model, BEGINNINGS, ends=(), most=12)
    assert max(len(b) + len(r) for b, r in zip(BEGINNINGS, rows, strict=True)) <= 8


@pytest.mark.parametrize("draws", [False, True])
def test_a_longer_row_takes_no_room_from_the_others(make_llama, draws: bool) -> None:
    """Many rows in a context of which the longest leaves little."""
    model = make_llama(seed=1, max_position_embeddings=40)
    rows = [[5 + n % 9 for n in range(size)] for size in (36, 3, 28, 3, 40)]
    generator = seeded() if draws else None
    together = write_on(model, rows, ends=(), most=20, generator=generator)
    assert [len(row) for row in together] == [4, 20, 12, 20, 0]
    generator = seeded() if draws else None
    assert [
        write_on(model, [r], ends=(), most=20, generator=generator)[0] for r in rows
    ] == together


def test_a_low_temperature_draws_the_likeliest(make_llama) -> None:
    model = make_llama(seed=1)
    drawn = write_on(model, BEGINNINGS, ends=(), most=6, generator=seeded(), temperature=1e-4)
    assert drawn == write_on(model, BEGINNINGS, ends=(), most=6)
