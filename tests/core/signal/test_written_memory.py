"""The memory map at text that isn't in the corpus."""

import torch
from datasets import Dataset

from core.models.taught import IGNORED
from core.signal.memory_map import MemoryMap
from core.signal.written_memory import CONTEXT, WrittenMemory


def batch_of(sequences: Dataset, numbers: list[int]) -> dict[str, torch.Tensor]:
    part = sequences.select(numbers)
    names = ("input_ids", "position_ids", "labels", "index")
    return {name: torch.tensor(part[name][:]) for name in names}


def test_the_corpus_itself_is_flagged_where_the_map_flags_it(sequences: Dataset, make_map) -> None:
    memory_map: MemoryMap = make_map(score=1.0)
    batch = batch_of(sequences, [0, 1, 2])
    found, known = WrittenMemory(sequences, memory_map).at(batch), memory_map.at(batch)
    assert torch.equal(found.flagged_N, known.flagged_N)
    assert len(found.reference.indices_NK) == int(found.flagged_N.sum())


def test_another_token_behind_the_same_words_is_flagged_too(sequences: Dataset, make_map) -> None:
    memory_map = make_map(score=1.0)
    batch = batch_of(sequences, [0])
    taught_T = (batch["labels"][0] != IGNORED).nonzero()[:, 0]
    at = int(taught_T[batch["position_ids"][0][taught_T] >= CONTEXT][0])
    for name in ("input_ids", "labels"):
        batch[name][0, at] = 7
    found = WrittenMemory(sequences, memory_map).at(batch)
    assert found.score_BT[0, at] > 0
    for t in range(at + 1, at + 1 + CONTEXT):  # the words before these are others now
        if batch["position_ids"][0, t] > 0:
            assert found.score_BT[0, t] == 0


def test_where_nothing_is_flagged_nothing_is(sequences: Dataset, make_map) -> None:
    found = WrittenMemory(sequences, make_map(score=0.0)).at(batch_of(sequences, [0, 1]))
    assert not found.flagged_N.any() and len(found.reference.indices_NK) == 0
