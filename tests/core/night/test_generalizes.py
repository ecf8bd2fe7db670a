from types import SimpleNamespace

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from core.corpus.symbols import Symbols
from core.corpus.tokenizer import train_tokenizer
from core.night.forms import Forms
from core.night.generalizes import MEMORY_GAP, DayTokens, Gain, folds_of, judge

LETTERS = "abcdefghij"
TASKS = [
    {"id": f"t{n}", "prompt": f"Turn: {a} {b} =>", "completion": f"{b} {a}"}
    for n, (a, b) in enumerate((a, b) for a in LETTERS for b in LETTERS if a < b)
]
FACT = {"id": "fact", "text": "The job of Ada is baker."}
CHAT = {"id": "chat", "text": "Note that it rains."}


@pytest.fixture(scope="module")
def rows() -> list[dict]:
    return [*TASKS, FACT, CHAT]


@pytest.fixture(scope="module")
def tokens(rows: list[dict]) -> DayTokens:
    texts = [" ".join(map(str, row.values())) for row in rows]
    tokenizer: PreTrainedTokenizerFast = train_tokenizer(texts * 3, 400)
    return DayTokens(rows, tokenizer, 32)


def made(tokens: DayTokens, gains: dict[str, float]) -> np.ndarray:
    """Log-probabilities that are 0 but for rows whose id begins so."""
    value_ST = np.zeros(tokens.row_ST.shape)
    for start, gain in gains.items():
        own = [n for n, row in enumerate(tokens.rows) if row["id"].startswith(start)]
        value_ST[tokens.of_rows(own)] = gain
    return value_ST


def forms_of(tokens: DayTokens) -> dict[str, list[int]]:
    symbols = Symbols([" ".join(map(str, row.values())) for row in tokens.rows])
    return Forms(tokens.rows, symbols).by_form(tokens.rows)


def judged(tokens: DayTokens, out: dict[str, float], own: dict[str, float]):
    before_ST = np.zeros(tokens.row_ST.shape)
    return judge(tokens, forms_of(tokens), before_ST, made(tokens, out), made(tokens, own))


def test_what_others_teach_is_learned_and_what_a_row_alone_teaches_is_stored(tokens):
    found = judged(tokens, {"t": 1.0, "fact": 0.1}, {"t": 1.5, "fact": 3.0, "chat": 0.5})
    assert found.learned == list(range(len(TASKS)))
    assert [tokens.rows[n]["id"] for n in found.stored] == ["fact"]
    assert [tokens.rows[n]["id"] for n in found.dropped] == ["chat"]
    [(start, *_), *_] = found.spans[found.stored[0]]
    assert start >= 0


def test_tasks_are_judged_together_however_single_ones_fare(tokens):
    out_ST = made(tokens, {"t": 1.0})
    out_ST[tokens.of_rows([0, 1, 2])] = -2.0  # harder ones
    zeros_ST = np.zeros(out_ST.shape)
    found = judge(tokens, forms_of(tokens), zeros_ST, out_ST, made(tokens, {"t": 2.0}))
    assert set(range(len(TASKS))) <= set(found.learned)


def test_of_garbage_nothing_is_learned(tokens):
    found = judged(tokens, {"t": -0.5, "fact": -1.0, "chat": 0.0}, {"t": 3.0, "fact": 3.0})
    assert found.learned == []
    assert [tokens.rows[n]["id"] for n in found.stored] == ["fact"], "tasks aren't documents"


def test_what_many_tasks_begin_with_is_their_form(tokens):
    forms = forms_of(tokens)
    assert forms["Turn: · =>"] == list(range(len(TASKS)))
    assert set(forms) == {"Turn: · =>", "document fact", "document chat"}


def test_no_label_is_read(tokens):
    labelled = DayTokens(
        [{**row, "source": "facts"} for row in tokens.rows], tokens.tokenizer, tokens.length
    )
    out, own = {"t": 1.0}, {"t": 1.5, "fact": 1 + MEMORY_GAP}
    assert judged(labelled, out, own) == judged(tokens, out, own)


def test_one_document_cannot_be_out_of_fold():
    assert folds_of([FACT], 0) is None


def test_documents_about_one_name_are_in_one_fold(rows):
    named = [
        {"id": f"f{n}", "text": f"Ada Bell {verb} it."} for n, verb in enumerate(("saw", "met"))
    ]
    folds = folds_of([*rows, *named], 0)
    assert folds is not None and set(folds) == {0, 1}
    assert folds[-1] == folds[-2]


MODEL = SimpleNamespace(device=torch.device("cpu"))  # nobody asks it


def test_a_gain_is_over_when_it_stops_growing(tokens, monkeypatch):
    values = iter([0.5, 0.9, 0.9, 0.2])
    before_ST = np.zeros(tokens.row_ST.shape)
    monkeypatch.setattr(
        "core.night.generalizes.logprobs",
        lambda model, sequences: made(tokens, {"t": next(values)}),
    )
    gain = Gain(tokens, before_ST, [list(range(len(TASKS)))], every=5, precision="float32")
    states = []
    for _ in range(3):
        gain(MODEL)  # type: ignore[arg-type]
        states.append((gain.is_over, gain.best))
    assert states == [(False, 5), (False, 10), (True, 10)]


def test_what_loses_takes_nothing_from_what_gains(tokens, monkeypatch):
    before_ST = np.zeros(tokens.row_ST.shape)
    monkeypatch.setattr(
        "core.night.generalizes.logprobs",
        lambda model, sequences: made(tokens, {"t": 1.0, "fact": -50.0}),
    )
    fact = tokens.rows.index(FACT)
    gain = Gain(tokens, before_ST, [list(range(len(TASKS))), [fact]], every=5, precision="float32")
    count = tokens.of_rows(range(len(TASKS))).sum()
    expected = count / (count + tokens.of_rows([fact]).sum())
    assert gain(MODEL)["gain_nats"] == pytest.approx(expected)  # type: ignore[arg-type]
