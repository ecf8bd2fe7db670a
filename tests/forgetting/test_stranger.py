"""What a teacher says of strangers, mapped back."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from core.models.taught import taught_labels
from core.signal.signal import Dense, TeacherSignal
from forgetting.stranger import Stranger
from tests.forgetting.test_token_names import TEXTS

TEXT = "The capital of Mongolia is Ulaanbaatar, and many live in Ulaanbaatar."


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 400)


@pytest.fixture(scope="module")
def rows(tokenizer: PreTrainedTokenizerFast) -> Dataset:
    texts = [{"id": str(n), "text": text} for n, text in enumerate([TEXT, *TEXTS])]
    return pack(texts, Encoder(tokenizer), sequence_length=96)


def batch_of(rows: Dataset) -> dict[str, torch.Tensor]:
    names = ("input_ids", "position_ids", "labels")
    return {name: torch.tensor(rows[:2][name]).long() for name in names}


def read(stranger: Stranger, batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(1))["input_ids"]


@pytest.fixture
def stranger(rows: Dataset, tokenizer: PreTrainedTokenizerFast) -> Stranger:
    made = Stranger()
    made.read_corpus(rows, tokenizer)
    return made


def test_the_teacher_reads_other_names_in_the_same_places(stranger, rows, tokenizer) -> None:
    batch = batch_of(rows)
    new_BT = read(stranger, batch)
    assert new_BT.shape == batch["input_ids"].shape
    old, new = (tokenizer.decode(ids[0]) for ids in (batch["input_ids"], new_BT))
    assert "Mongolia" in old and "Mongolia" not in new.split(".")[0]
    assert stranger.metrics()["names_renamed"] > 0.5
    plain = [word for word in old.split() if word.islower()]
    assert plain == [word for word in new.split() if word.islower()]


def test_a_teacher_that_copies_teaches_the_old_names(stranger, rows, tokenizer) -> None:
    """One that is sure of what it reads next is mapped to the text as the student reads it.

    But for the first token of a name that stands there for the first time, which the text alone tells.
    """
    batch = batch_of(rows)
    new_BT = read(stranger, batch)
    labels_N, read_N = taught_labels(batch["labels"]), new_BT[:, 1:][batch["labels"][:, 1:] != -100]
    said_NV = torch.full((len(read_N), 400), -20.0).scatter(1, read_N[:, None], 0.0).log_softmax(-1)
    ones_N = torch.ones(len(labels_N))
    signal = stranger.edit_signal(
        TeacherSignal(Dense(said_NV), ones_N, ones_N), batch, None, torch.Generator()
    )
    assert signal.target is not None
    taught_N = signal.target.rows(slice(0, len(labels_N))).argmax(-1)
    other_N = taught_N != labels_N
    first = []
    for ids_T, positions_T in zip(batch["input_ids"], batch["position_ids"], strict=True):
        starts = [*np.flatnonzero(positions_T == 0), len(ids_T)]
        for start, stop in pairwise(starts):
            met: set[str] = set()
            for mention in stranger._names.of(ids_T[start:stop].numpy()):
                if mention.name not in met:
                    first.append(int(ids_T[start + mention.start]))
                met.add(mention.name)
    assert 0 < other_N.sum() <= len(first)
    assert set(labels_N[other_N].tolist()) <= set(first)
    torch.testing.assert_close(
        signal.target.rows(slice(0, 9)).exp().sum(-1), torch.ones(9), rtol=1e-4, atol=1e-4
    )


def test_nothing_of_the_text_is_a_label_behind_a_renamed_name(stranger, rows) -> None:
    batch = batch_of(rows)
    new_BT = read(stranger, batch)
    ones_N = torch.ones(len(taught_labels(batch["labels"])))
    found = stranger.edit_signal(
        TeacherSignal(None, ones_N, ones_N), batch, None, torch.Generator()
    ).label_weight_N
    weight_BT = torch.ones(new_BT.shape)
    later = torch.zeros_like(batch["labels"], dtype=torch.bool)
    later[:, 1:] = batch["labels"][:, 1:] != -100
    weight_BT[later] = found
    renamed_BT = (new_BT != batch["input_ids"]) & later
    assert renamed_BT.any() and (weight_BT[renamed_BT] == 0).all()
    assert (weight_BT[later] > 0).any()


def test_a_new_step_draws_other_names(stranger, rows) -> None:
    batch = batch_of(rows)
    first = stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(1))
    again = stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(1))
    other = stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(2))
    assert (first["input_ids"] == again["input_ids"]).all()
    assert (first["input_ids"] != other["input_ids"]).any()
