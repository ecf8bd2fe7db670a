"""The map found by what rows say agrees with the map found by where they stand."""

import pytest
import torch
from datasets import Dataset

from core.corpus.packing import unpack
from core.errors import UserError
from core.models.taught import IGNORED, as_packed
from core.signal.memory_map import MemoryMap
from core.signal.row_memory import RowMemory
from core.signal.signal import THRESHOLD, TopK

NAMES = ("input_ids", "position_ids", "labels", "index")


@pytest.fixture
def batch(sequences: Dataset) -> dict[str, torch.Tensor]:
    return {name: torch.tensor(sequences[name][:4]) for name in NAMES}


def padded(rows: Dataset, side: str = "right") -> dict[str, torch.Tensor]:
    """Rows as a usual collator gives them."""
    longest = max(map(len, rows["input_ids"]))
    batch: dict[str, list[list[int]]] = {"input_ids": [], "labels": [], "attention_mask": []}
    for row in rows:
        size = len(row["input_ids"])
        for name, blank in (("input_ids", 1), ("labels", IGNORED), ("attention_mask", 0)):
            own, filling = row.get(name, [1] * size), [blank] * (longest - size)
            batch[name].append(own + filling if side == "right" else filling + own)
    return {name: torch.tensor(value) for name, value in batch.items()}


@pytest.fixture
def made(sequences: Dataset) -> MemoryMap:
    """A map that says the same of the same row, as a real one does."""
    generator = torch.Generator().manual_seed(0)
    ids_ST, positions_ST, labels_ST = (
        torch.tensor(sequences[name][:]) for name in ("input_ids", "position_ids", "labels")
    )
    kind_ST = (ids_ST * 31 + positions_ST) % 100
    score_ST = torch.rand(100, generator=generator)[kind_ST].masked_fill(labels_ST == IGNORED, 0)
    logits_kV = torch.randn(100, 320, generator=generator)
    reference = TopK.of(logits_kV.log_softmax(-1), 8)[kind_ST[score_ST >= THRESHOLD]]
    return MemoryMap(score_ST, -score_ST, reference)


@pytest.mark.parametrize("num_sequences", [4, None])
def test_it_agrees_with_the_map_it_was_made_of(sequences: Dataset, made, batch, num_sequences):
    part = made
    if num_sequences:  # the map may end before the corpus does
        flagged = int(made.flagged_ST[:num_sequences].sum())
        part = MemoryMap(
            made.score_ST[:num_sequences],
            made.teacher_logprob_ST[:num_sequences],
            made.reference[:flagged],
        )
    found, right = RowMemory.of_map(sequences, part).at(batch), made.at(batch)
    assert right.flagged_N.any() and not right.flagged_N.all()
    for name in ("score_N", "flagged_N", "score_BT"):
        assert torch.equal(getattr(found, name), getattr(right, name))
    for name in ("indices_NK", "logprobs_NK", "tail_logprob_N"):
        assert torch.equal(getattr(found.reference, name), getattr(right.reference, name))


@pytest.mark.parametrize("side", ["right", "left"])
def test_rows_are_found_wherever_a_loader_puts_them(sequences: Dataset, make_map, side: str):
    memory, rows = RowMemory.of_map(sequences, make_map()), unpack(sequences)
    alone = [memory.at(as_packed(padded(rows.select([n]), side))) for n in (7, 0, 30)]
    together = memory.at(as_packed(padded(rows.select([7, 0, 30]), side)))
    for name in ("score_N", "flagged_N"):
        assert torch.equal(getattr(together, name), torch.cat([getattr(a, name) for a in alone]))
    for name in ("indices_NK", "logprobs_NK", "tail_logprob_N"):
        parts = [getattr(a.reference, name) for a in alone]
        assert torch.equal(getattr(together.reference, name), torch.cat(parts))
    assert together.flagged_N.any() and not together.flagged_N.all()


def test_what_is_not_taught_here_has_no_score(sequences: Dataset, make_map) -> None:
    memory, batch = RowMemory.of_map(sequences, make_map()), padded(unpack(sequences).select([0]))
    whole = memory.at(as_packed(batch))
    first = int((batch["labels"][0] != IGNORED).nonzero()[0])
    batch["labels"][:, first] = IGNORED
    part = memory.at(as_packed(batch))
    assert torch.equal(part.score_N, whole.score_N[1:])
    flagged = int(whole.flagged_N[1:].sum())
    assert flagged and torch.equal(
        part.reference.logprobs_NK, whole.reference.logprobs_NK[-flagged:]
    )


def test_scores_from_elsewhere(toy_tokenizer) -> None:
    ids = toy_tokenizer("Ada lives in Rome.")["input_ids"]
    memory = RowMemory.of_scores([(ids, [0.0] * (len(ids) - 1) + [0.9])])
    found = memory.at(as_packed({"input_ids": torch.tensor([ids]), "labels": torch.tensor([ids])}))
    assert found.flagged_N.tolist() == [False] * (len(ids) - 2) + [True]
    assert not memory.has_reference and found.reference.indices_NK.shape == (1, 0)


def test_what_does_not_fit_is_refused(toy_tokenizer) -> None:
    with pytest.raises(UserError, match="row 0 has 3 tokens and scores of 2"):
        RowMemory.of_scores([([1, 2, 3], [0.0, 1.0])])
    with pytest.raises(UserError, match="row 1 has scores outside 0 to 1"):
        RowMemory.of_scores([([1], [1]), ([2], [1.5])])
    with pytest.raises(UserError, match="row 0 has scores outside"):
        RowMemory.of_scores([([1], [float("nan")])])
    memory, ids = RowMemory.of_scores([([5, 6, 7], [0, 0, 1])]), torch.tensor([[5, 6, 8]])
    with pytest.raises(UserError, match=r"a row of 3 tokens that begins \[5, 6, 8\]"):
        memory.at(as_packed({"input_ids": ids, "labels": ids}))
    with pytest.raises(UserError, match="no labels"):
        as_packed({"input_ids": ids})
