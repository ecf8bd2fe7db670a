"""What recurs is scored once and told everywhere."""

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.rows import Row
from core.models.taught import IGNORED
from forgetting.memory_map.pieces import LENGTH, Pieces, batches
from forgetting.memory_map.scorer import logprobs, piece_logprobs, score_of_gap


def quiet(done: int, total: int, note: str) -> None:
    pass


@pytest.fixture
def pieces(sequences: Dataset, rows: list[Row]) -> Pieces:
    return Pieces.of(sequences, rows)


def test_what_recurs_is_one_piece(pieces: Pieces, rows: list[Row]) -> None:
    distinct = {row.get("text") or f"{row['prompt']} {row['completion']}" for row in rows}
    assert len(distinct) < len(rows)
    assert sorted(pieces.texts) == sorted(distinct)
    assert len(pieces.place_piece) == len(rows)


def test_values_are_spread_to_every_place(pieces: Pieces, sequences: Dataset) -> None:
    ids_ST = np.array(sequences["input_ids"][:])
    row_ST = np.array(sequences["row"][:])
    spread_ST = pieces.spread(pieces.ids)
    assert (spread_ST[row_ST >= 0] == ids_ST[row_ST >= 0]).all()
    assert (spread_ST[row_ST < 0] == 0).all()
    taught_ST = np.array(sequences["labels"][:]) != IGNORED
    assert (pieces.spread(pieces.taught) == taught_ST).all()


def test_values_of_rows_are_those_of_the_row_where_a_piece_stands_first(
    pieces: Pieces, rows: list[Row]
) -> None:
    texts = [row.get("text") or f"{row['prompt']} {row['completion']}" for row in rows]
    found = pieces.of_rows(np.arange(len(rows)))
    assert [texts[row] for row in found] == pieces.texts
    assert [texts.index(text) for text in pieces.texts] == found.tolist()


def test_spans_cut_the_tokens_from_the_piece(
    pieces: Pieces, toy_tokenizer: PreTrainedTokenizerFast
) -> None:
    for number, text in enumerate(pieces.texts):
        for t in range(pieces.first[number], pieces.first[number + 1]):
            token = toy_tokenizer.decode([pieces.ids[t]]).replace(toy_tokenizer.eos_token, "")
            assert text[pieces.start[t] : pieces.end[t]] == token


def test_the_parts_of_a_long_row_are_pieces_of_their_own(
    toy_tokenizer: PreTrainedTokenizerFast,
) -> None:
    rows = [{"id": "x", "text": "Ada lives in Rome and Bo lives in Oslo and Cleo in Lima."}]
    found = Pieces.of(pack(rows, Encoder(toy_tokenizer), sequence_length=8), rows)
    assert len(found.texts) > 1 and "".join(found.texts) == rows[0]["text"]
    assert (found.start[found.first[:-1]] == 0).all()


def test_logprobs_are_those_of_each_text_alone(make_llama, pieces: Pieces) -> None:
    model = make_llama()
    ids = np.split(pieces.ids, pieces.first[1:-1])
    rng = np.random.default_rng(0)
    wanted = [rng.random(len(x)) < 0.5 for x in ids]
    wanted[3][:] = False
    found = logprobs(model, ids, wanted, quiet, "")
    for tokens, mask, values in zip(ids, wanted, found, strict=True):
        batch = torch.tensor(tokens[None], dtype=torch.long)
        with torch.no_grad():
            every = model(batch).logits[0, :-1].log_softmax(-1)
        own = every.gather(1, batch[0, 1:, None])[:, 0].numpy()
        expected = np.concatenate([[0.0], np.where(mask[1:], own, 0)])
        np.testing.assert_allclose(values, expected, atol=1e-4)
    flat = piece_logprobs(model, pieces, np.concatenate(wanted), quiet, "")
    np.testing.assert_allclose(flat, np.concatenate(found), atol=1e-6)


def test_progress_ends_at_its_total(make_llama, pieces: Pieces) -> None:
    told = []
    piece_logprobs(make_llama(), pieces, pieces.taught, lambda *x: told.append(x), "note")
    done, total, note = told[-1]
    assert done == total > 0 and note == "note"


def test_half_stands_at_the_gap() -> None:
    scores = score_of_gap(np.array([-3.0, 0.0, 1.5, 60.0]), 1.5)
    np.testing.assert_allclose(scores, [0, 0, 0.5, 1], atol=1e-9)


@pytest.mark.parametrize(("tokens", "num_lines"), [(100, 3), (2, 1), (LENGTH, 2)])
def test_each_sequence_is_in_one_batch_and_no_batch_is_longer_than_asked(
    tokens: int, num_lines: int
) -> None:
    ids = [np.full(tokens, number) for number in range(1, 1 + 10 * LENGTH // tokens)]
    found = list(batches(ids, [np.ones(tokens, dtype=bool)] * len(ids), num_lines))
    assert all(input_ids.shape[0] <= num_lines for _, input_ids, _, _ in found)
    assert sorted(np.concatenate([order for order, *_ in found])) == list(range(len(ids)))
    read = torch.cat([input_ids[labels != IGNORED] for _, input_ids, _, labels in found])
    assert sorted(read.tolist()) == sorted(np.concatenate(ids).tolist())
