"""The units that go are those of the text's own names, and they don't come back."""

from collections.abc import Callable
from statistics import fmean

import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from core.models.cut import gated_mlps
from forgetting import remembering_units
from forgetting.remembering_units import RememberingUnits
from forgetting.stranger import Stranger
from tests.forgetting.test_token_names import TEXTS


def rows_and_tokenizer() -> tuple[Dataset, PreTrainedTokenizerFast]:
    tokenizer = train_tokenizer(TEXTS, 400)
    texts = [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)]
    return pack(texts, Encoder(tokenizer), sequence_length=96), tokenizer


def loss_of(model: torch.nn.Module, ids_BT: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids_BT, labels=ids_BT).loss


def lead_lost(
    make_llama, monkeypatch: pytest.MonkeyPatch, seed: int, worth: Callable | None
) -> tuple[float, PreTrainedModel]:
    """By how much more the loss of a text rises than that of the same with other names, and the student.

    It has learned both. `worth` stands in the place of what units are worth.
    """
    rows, tokenizer = rows_and_tokenizer()
    batch = {name: torch.tensor(rows[:][name]) for name in rows.column_names if name != "row"}
    stranger = Stranger()
    stranger.read_corpus(rows, tokenizer)

    def others(number: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(number)
        return stranger.edit_teacher_batch(batch, None, generator)["input_ids"]

    def losses() -> tuple[float, float]:
        told = [loss_of(student, others(number)).item() for number in (901, 902, 903)]
        return loss_of(student, batch["input_ids"]).item(), sum(told) / len(told)

    sizes = {"hidden_size": 32, "intermediate_size": 128, "initializer_range": 0.1}
    student = make_llama(seed=seed, vocab_size=400, **sizes)
    adam = torch.optim.AdamW(student.parameters(), lr=3e-3, weight_decay=0.0)
    for number in range(60):
        (loss_of(student, batch["input_ids"]) + loss_of(student, others(number))).backward()
        adam.step()
        adam.zero_grad()
    before = losses()
    way = RememberingUnits(strength=0.1, num_sequences=8)
    way.read_corpus(rows, tokenizer)
    if worth:
        monkeypatch.setattr(remembering_units, "_worth", worth)
    way.prepare_student(student, torch.Generator().manual_seed(0))
    monkeypatch.undo()
    own, other = (now - was for now, was in zip(losses(), before, strict=True))
    return own - other, student


@pytest.mark.slow
def test_a_texts_own_names_lose_more_than_others(make_llama, monkeypatch) -> None:
    """Which units of the others' worth, the other way round, or none in particular, wouldn't do."""
    worth = remembering_units._worth

    def turned(*asked) -> dict[str, torch.Tensor]:
        return {name: -found for name, found in worth(*asked).items()}

    def at_random(*asked) -> dict[str, torch.Tensor]:
        return {name: torch.rand(found.shape) for name, found in worth(*asked).items()}

    def mean(stand_in: Callable | None) -> float:
        torch.manual_seed(0)
        return fmean(lead_lost(make_llama, monkeypatch, s, stand_in)[0] for s in range(4))

    lost = mean(None)
    assert lost > 0.01 and max(mean(turned), mean(at_random)) < 0.005


def test_what_is_removed_stays_away(make_llama, monkeypatch) -> None:
    _, student = lead_lost(make_llama, monkeypatch, 0, None)
    mlps = gated_mlps(student)
    gone = {name: (mlp.down_proj.weight == 0).all(0) for name, mlp in mlps.items()}
    units = sum(mlp.down_proj.in_features for mlp in mlps.values())
    assert sum(int(found.sum()) for found in gone.values()) == round(0.1 * units)
    rows, _ = rows_and_tokenizer()
    loss_of(student, torch.tensor(rows["input_ids"])).backward()
    torch.optim.SGD(student.parameters(), lr=1.0).step()
    for name, mlp in mlps.items():
        assert not mlp.down_proj.weight[:, gone[name]].any()
        assert not mlp.up_proj.weight[gone[name]].any()


def test_no_strength_changes_nothing(make_llama) -> None:
    rows, tokenizer = rows_and_tokenizer()
    student, same = make_llama(vocab_size=400), make_llama(vocab_size=400)
    way = RememberingUnits(strength=0.0)
    way.read_corpus(rows, tokenizer)
    way.prepare_student(student, torch.Generator().manual_seed(0))
    assert all(map(torch.equal, student.parameters(), same.parameters()))
