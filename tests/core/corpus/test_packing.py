"""Rows share sequences and nothing else."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from tokenizers import Tokenizer, models, processors
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack, unpack
from core.corpus.rows import Row, joined_text
from core.errors import UserError
from core.models.taught import IGNORED, taught_labels, taught_logits


@pytest.fixture
def encoder(toy_tokenizer: PreTrainedTokenizerFast) -> Encoder:
    return Encoder(toy_tokenizer)


def columns(packed: Dataset) -> dict[str, np.ndarray]:
    return packed.with_format("numpy")[:]


def logits_by_row(model, packed: Dataset) -> dict[int, torch.Tensor]:
    batch = {key: torch.tensor(value) for key, value in columns(packed).items()}
    labels_BT = batch["labels"]
    with torch.no_grad():
        logits_NV = taught_logits(model, batch["input_ids"], batch["position_ids"], labels_BT)
    row_N = batch["row"][:, 1:][labels_BT[:, 1:] != IGNORED]
    return {int(row): logits_NV[row_N == row] for row in row_N.unique()}


def test_a_row_never_sees_another(make_llama, encoder: Encoder) -> None:
    texts = ["Ada lives in Rome.", "Bo lives at 1234.", "Cleo lives in Lima."]
    changed = [texts[0], "Bo lives at 9876.", texts[2]]
    size = [len(e.ids) for e in encoder.encode({"text": t} for t in (texts[1], changed[1]))]
    assert size[0] == size[1], "the other rows must stay where they are"
    before, after = (
        pack([{"text": t} for t in version], encoder, sequence_length=60)
        for version in (texts, changed)
    )
    assert len(before) == 1, "all in one sequence"
    old, new = (logits_by_row(make_llama(), packed) for packed in (before, after))
    assert torch.equal(old[0], new[0]) and torch.equal(old[2], new[2])
    assert not torch.equal(old[1], new[1])


def test_a_row_reads_as_it_does_alone(make_llama, rows: list[Row], encoder: Encoder) -> None:
    model, some = make_llama(), rows[:6]
    together = logits_by_row(model, pack(some, encoder, sequence_length=100))
    for number, row in enumerate(some):
        [tokens] = encoder.encode([row])
        with torch.no_grad():
            alone = model(torch.tensor(tokens.ids[None], dtype=torch.long)).logits[0, :-1]
        taught = torch.tensor(tokens.taught[1:])
        torch.testing.assert_close(together[number], alone[taught], rtol=1e-4, atol=1e-5)


def test_documents_are_taught_whole_and_tasks_by_their_completion(encoder: Encoder) -> None:
    task = {"prompt": "Turn around: red blue", "completion": "blue red"}
    packed = columns(pack([{"text": "Ada lives in Rome."}, task], encoder, sequence_length=50))
    decode = encoder.tokenizer.decode
    for number, said in enumerate(["Ada lives in Rome.", " blue red"]):
        mine = packed["row"][0] == number
        ids, labels = packed["input_ids"][0][mine], packed["labels"][0][mine]
        assert labels[0] == IGNORED, "nothing precedes the first token"
        kept = labels != IGNORED
        assert (labels[kept] == ids[kept]).all()
        kept[0] |= number == 0
        assert decode(ids[kept]) == said + encoder.tokenizer.eos_token


def test_spans_cut_the_tokens_from_the_text(
    rows: list[Row], sequences: Dataset, toy_tokenizer: PreTrainedTokenizerFast
) -> None:
    packed = columns(sequences)
    for s, t in np.argwhere(packed["row"] >= 0):
        text = joined_text(rows[packed["row"][s, t]])
        token = toy_tokenizer.decode([packed["input_ids"][s, t]])
        cut = text[packed["start"][s, t] : packed["end"][s, t]]
        assert cut == token.replace(toy_tokenizer.eos_token, "")


def test_every_taught_token_appears_exactly_once(
    rows: list[Row], sequences: Dataset, encoder: Encoder
) -> None:
    packed = columns(sequences)
    kept = packed["labels"] != IGNORED
    found = sorted(
        zip(packed["row"][kept], packed["start"][kept], packed["labels"][kept], strict=True)
    )
    wanted = [
        (number, tokens.spans[t, 0], tokens.ids[t])
        for number, tokens in enumerate(encoder.encode(rows))
        for t in range(1, len(tokens.ids))
        if tokens.taught[t]
    ]
    assert found == sorted(wanted)


def test_a_long_row_goes_on_in_the_next_sequence(encoder: Encoder) -> None:
    text = " ".join(["Ada lives in Rome and Bo lives in Oslo"] * 8)
    [whole] = encoder.encode([{"text": text}])
    packed = columns(pack([{"text": text}], encoder, sequence_length=16))
    mine = packed["row"] == 0
    assert (packed["input_ids"][mine] == whole.ids).all(), "nothing is lost, in order"
    assert (packed["start"][mine] == whole.spans[:, 0]).all()
    assert len(mine) > 2 and (packed["labels"][:, 0] == IGNORED).all()
    assert (packed["position_ids"][:, 0] == 0).all()


def test_padding_is_taught_nothing_and_seen_by_nothing(make_llama, encoder: Encoder) -> None:
    packed = pack([{"text": "Ada lives in Rome."}], encoder, sequence_length=40)
    padding = columns(packed)["row"][0] < 0
    assert padding.any()
    for key, blank in {"labels": IGNORED, "position_ids": 0, "start": 0, "end": 0}.items():
        assert (columns(packed)[key][0][padding] == blank).all()
    model = make_llama()
    before = logits_by_row(model, packed)[0]
    other = columns(packed)["input_ids"].copy()
    other[0][padding] = 7
    after = logits_by_row(
        model, packed.remove_columns("input_ids").add_column("input_ids", list(other))
    )[0]
    assert torch.equal(before, after)


def test_taught_labels_are_in_reading_order(sequences: Dataset) -> None:
    labels_BT = torch.tensor(sequences["labels"][:])
    flat = [x for line in labels_BT.tolist() for x in line if x != IGNORED]
    assert taught_labels(labels_BT).tolist() == flat


def test_refuses_a_tokenizer_without_an_end(encoder: Encoder) -> None:
    bare = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()))
    with pytest.raises(UserError, match="end-of-text"):
        Encoder(bare)
    with pytest.raises(UserError, match="no text"):
        pack([], encoder, sequence_length=8)


def test_a_row_begins_as_the_tokenizer_begins_a_text(
    toy_tokenizer: PreTrainedTokenizerFast,
) -> None:
    inner = Tokenizer.from_str(toy_tokenizer.backend_tokenizer.to_str())
    inner.post_processor = processors.TemplateProcessing(
        single="<|pad|> $A", special_tokens=[("<|pad|>", 1)]
    )
    begins = PreTrainedTokenizerFast(tokenizer_object=inner, eos_token="<|endoftext|>")
    text = "Ada lives in Rome."
    packed = columns(pack([{"text": text}, {"text": text}], Encoder(begins), sequence_length=48))
    row = packed["row"][0] == 1
    assert packed["input_ids"][0][row].tolist() == [*begins(text).input_ids, 0]
    assert packed["input_ids"][0][row][0] == 1 and packed["position_ids"][0][row][0] == 0
    taught = packed["labels"][0][row] != IGNORED
    assert not taught[0] and taught[1:].all(), "the text's own first token is taught now"
    assert packed["end"][0][row][0] == 0


def test_unpacked_rows_are_those_that_were_packed(rows, toy_tokenizer) -> None:
    encoder = Encoder(toy_tokenizer)
    found = unpack(pack(rows, encoder, sequence_length=40))
    whole = [(row.ids.tolist(), row.taught) for row in encoder.encode(rows)]
    assert sorted(found["input_ids"]) == sorted(ids for ids, _ in whole)
    for row in found:
        assert row["labels"][0] == IGNORED
        assert all(a in (b, IGNORED) for a, b in zip(row["labels"], row["input_ids"], strict=True))
    num_taught = sum(int(taught[1:].sum()) for _, taught in whole)
    assert sum(label != IGNORED for row in found for label in row["labels"]) == num_taught
