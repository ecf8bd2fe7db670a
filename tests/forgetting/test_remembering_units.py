"""The units that go are those of the text's own names, and they don't come back."""

import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from core.models.cut import gated_mlps
from forgetting.remembering_units import RememberingUnits
from forgetting.stranger import Stranger
from tests.forgetting.test_token_names import TEXTS


def rows_and_tokenizer() -> tuple[Dataset, PreTrainedTokenizerFast]:
    tokenizer = train_tokenizer(TEXTS, 400)
    texts = [{"id": str(n), "text": text} for n, text in enumerate(TEXTS)]
    return pack(texts, Encoder(tokenizer), sequence_length=96), tokenizer


def renamed(rows: Dataset, tokenizer: PreTrainedTokenizerFast) -> torch.Tensor:
    """The same text of other names."""
    stranger = Stranger()
    stranger.read_corpus(rows, tokenizer)
    names = ("input_ids", "position_ids", "labels")
    batch = {name: torch.tensor(rows[:][name]) for name in names}
    return stranger.edit_teacher_batch(batch, None, torch.Generator().manual_seed(5))["input_ids"]


def loss_of(model: torch.nn.Module, ids_BT: torch.Tensor) -> torch.Tensor:
    return model(input_ids=ids_BT, labels=ids_BT).loss


def test_units_that_a_learned_text_needs_go_and_stay_away(make_llama) -> None:
    rows, tokenizer = rows_and_tokenizer()
    student = make_llama(vocab_size=400)
    ids_BT = torch.tensor(rows["input_ids"])
    adam = torch.optim.AdamW(student.parameters(), lr=3e-3, weight_decay=0.0)
    for _ in range(30):  # it learns the text by heart
        loss_of(student, ids_BT).backward()
        adam.step()
        adam.zero_grad()
    way = RememberingUnits(strength=0.1, num_sequences=8)
    way.read_corpus(rows, tokenizer)
    renamed_BT = renamed(rows, tokenizer)
    before = loss_of(student, ids_BT).item(), loss_of(student, renamed_BT).item()
    way.prepare_student(student, torch.Generator().manual_seed(0))
    own, other = loss_of(student, ids_BT).item(), loss_of(student, renamed_BT).item()
    assert own > before[0] + 0.05
    assert own - before[0] > other - before[1] + 0.02, "its own names suffer, others don't"
    mlps = gated_mlps(student)
    gone = {name: (mlp.down_proj.weight == 0).all(0) for name, mlp in mlps.items()}
    units = sum(mlp.down_proj.in_features for mlp in mlps.values())
    assert sum(int(found.sum()) for found in gone.values()) == round(0.1 * units)
    loss_of(student, ids_BT).backward()
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
