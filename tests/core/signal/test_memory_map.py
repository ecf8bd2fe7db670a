"""The map as it is written, read and cut to a batch."""

from pathlib import Path

import pytest
import torch
from datasets import Dataset

from core.errors import UserError
from core.models.taught import IGNORED
from core.signal.memory_map import FILE, THRESHOLD, MemoryMap


def test_saved_and_loaded_is_the_same(make_map, tmp_path: Path) -> None:
    made = make_map()
    made.save(tmp_path)
    loaded = MemoryMap.load(tmp_path)
    assert torch.equal(loaded.score_ST, made.score_ST)
    assert torch.equal(loaded.flagged_ST, made.flagged_ST) and loaded.flagged_ST.any()
    assert torch.equal(loaded.reference.indices_NK, made.reference.indices_NK)
    for name in ("logprobs_NK", "tail_logprob_N"):
        old, new = getattr(made.reference, name), getattr(loaded.reference, name)
        torch.testing.assert_close(new, old, rtol=1e-3, atol=1e-3)


def test_a_slice_stands_in_reading_order_beside_the_taught_tokens(
    make_map, sequences: Dataset
) -> None:
    made = make_map()
    index_B = torch.tensor([3, 0, 5])
    labels_BT = torch.tensor(sequences["labels"][:])[index_B]
    part = made.slice(index_B, labels_BT)
    # The long way round: each flagged token's row of the reference, by walking the whole corpus.
    rank, flagged = {}, made.flagged_ST
    for s, t in flagged.nonzero().tolist():
        rank[s, t] = len(rank)
    scores, rows = [], []
    for b, s in enumerate(index_B.tolist()):
        for t in range(1, labels_BT.shape[1]):
            if labels_BT[b, t] != IGNORED:
                scores.append(made.score_ST[s, t])
                rows += [rank[s, t]] if flagged[s, t] else []
    assert torch.equal(part.score_N, torch.stack(scores))
    assert torch.equal(part.flagged_N, part.score_N >= THRESHOLD)
    assert torch.equal(part.score_BT, made.score_ST[index_B])
    assert torch.equal(part.flagged_BT, flagged[index_B])
    assert len(rows) == part.flagged_N.sum() > 0
    assert torch.equal(part.reference.indices_NK, made.reference.indices_NK[rows])
    assert torch.equal(part.reference.logprobs_NK, made.reference.logprobs_NK[rows])
    assert torch.equal(part.reference.tail_logprob_N, made.reference.tail_logprob_N[rows])


def test_a_damaged_file_is_told(make_map, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run `winnow map`"):
        MemoryMap.load(tmp_path)
    make_map().save(tmp_path)
    whole = (tmp_path / FILE).read_bytes()
    for damaged in (whole[: len(whole) // 2], b"not a map", b""):
        (tmp_path / FILE).write_bytes(damaged)
        with pytest.raises(UserError, match="can't be read") as caught:
            MemoryMap.load(tmp_path)
        assert "\n" not in str(caught.value)
