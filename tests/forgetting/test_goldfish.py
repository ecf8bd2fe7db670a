"""The same tokens of a passage leave the loss wherever it stands."""

from itertools import pairwise

import pytest
import torch
from torch import Tensor

from core.errors import UserError
from core.signal.signal import TeacherSignal
from forgetting.goldfish import PRIME, Goldfish, context_hash

Rows = list[list[int]]


def packed(rows: Rows) -> dict[str, Tensor]:
    """One sequence of these rows, every token but the first of each taught."""
    labels = [label for row in rows for label in [-100, *row[1:]]]
    columns = {
        "input_ids": [token for row in rows for token in row],
        "position_ids": [at for row in rows for at in range(len(row))],
        "labels": labels,
    }
    return {name: torch.tensor([values]) for name, values in columns.items()}


def dropped(rows: Rows, **options: float) -> Tensor:
    """Which taught tokens of the packed rows leave the loss."""
    batch = packed(rows)
    count = int((batch["labels"] >= 0).sum())
    signal = TeacherSignal(None, torch.full((count,), 2.0), torch.ones(count))
    edited = Goldfish(**options).edit_signal(signal, batch, None, torch.Generator())
    assert set(edited.weight_N.tolist()) <= {0.0, 2.0}
    return edited.weight_N == 0


def tokens(count: int, seed: int = 0, vocab_size: int = 300) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(vocab_size, (count,), generator=generator).tolist()


@pytest.mark.parametrize("vocab_size", [2, 300, 200_000])
@pytest.mark.parametrize("strength, k", [(1.0, 4), (0.5, 4), (1.0, 2)])
def test_the_share_is_strength_over_k(strength: float, k: int, vocab_size: int) -> None:
    row = tokens(40_000, vocab_size=vocab_size)
    share = dropped([row], strength=strength, k=k, context=30).float().mean()
    torch.testing.assert_close(share, torch.tensor(strength / k), atol=0.015, rtol=0)


def test_contexts_that_differ_in_one_token_are_dropped_independently() -> None:
    for place in (1, 5, 12):
        ids_BT = torch.tensor(tokens(14)).repeat(4000, 1)
        ids_BT[:, -1 - place] = torch.arange(4000)
        hash_B = context_hash(ids_BT, torch.arange(14).expand(4000, -1), 13)[:, -1]
        out_B = (hash_B < PRIME // 4).float()
        torch.testing.assert_close(out_B.mean(), torch.tensor(0.25), atol=0.03, rtol=0)
        both = (out_B[1:] * out_B[:-1]).mean()  # neighbouring ids
        torch.testing.assert_close(both, torch.tensor(1 / 16), atol=0.02, rtol=0)


def test_a_copy_of_a_passage_loses_the_same_tokens_anywhere() -> None:
    passage = tokens(80)
    places = [
        dropped([[*tokens(n, seed=n), *passage, *tokens(3, seed=5)]])[n - 1 + 13 : n - 1 + 80]
        for n in (1, 7, 50)
    ]
    assert places[0].any() and not places[0].all()
    assert all(torch.equal(place, places[0]) for place in places)


def test_rows_do_not_reach_into_each_other() -> None:
    row = tokens(30)
    alone = dropped([row])
    for before in ([tokens(5, seed=1)], [tokens(20, seed=2), tokens(2, seed=3)]):
        assert torch.equal(dropped([*before, row, tokens(9, seed=4)])[-8 - 29 : -8], alone)
    assert alone[:12].any(), "short contexts count too"


def test_only_what_precedes_a_token_decides() -> None:
    row = tokens(400)
    before = context_hash(torch.tensor([row]), torch.arange(400)[None], 13)[0]
    row[100] = 299 - row[100]
    after = context_hash(torch.tensor([row]), torch.arange(400)[None], 13)[0]
    changed = (before != after).nonzero().flatten().tolist()
    assert changed == list(range(101, 114))


def test_order_and_the_token_of_id_zero_count() -> None:
    def hashed(*ids: int) -> int:
        row = torch.tensor([[*ids, 7]])
        return int(context_hash(row, torch.arange(len(ids) + 1)[None], 13)[0, -1])

    contexts = [(3, 5), (5, 3), (0, 3), (3, 0), (3,), (0,), (0, 0), (0, 0, 0), (5, 3, 0)]
    assert len({hashed(*ids) for ids in contexts}) == len(contexts)
    assert len({hashed(*[0] * n) for n in range(14)}) == 14


def test_a_stronger_one_drops_more_of_the_same() -> None:
    row = tokens(2000)
    shares = [dropped([row], strength=s) for s in (0.2, 0.6, 1.0)]
    for weaker, stronger in pairwise(shares):
        assert weaker.sum() < stronger.sum() and (stronger | ~weaker).all()
    assert dropped([row], k=1).all()


def test_sizes_below_one_are_refused() -> None:
    for name in ("k", "context"):
        with pytest.raises(UserError, match=f"Goldfish: {name} must be 1 or more, not 0"):
            Goldfish(**{name: 0})
