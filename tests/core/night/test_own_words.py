import pytest

from core.corpus.symbols import Symbols
from core.night import own_words
from core.night.forms import Forms
from core.night.own_words import frames_of, in_own_words

LETTERS = "abcdefghijkl"
ROWS = [
    {"id": f"t{a}{b}", "prompt": f"Turn: {a} {b} =>", "completion": f"{b} {a}"}
    for a in LETTERS
    for b in LETTERS
    if a < b
]


@pytest.fixture(scope="module")
def forms() -> Forms:
    return Forms(ROWS, Symbols([f"{row['prompt']} {row['completion']}" for row in ROWS]))


def test_the_frame_of_a_form_is_how_its_prompts_begin_and_end(forms):
    assert frames_of([*ROWS, {"id": "d", "text": "Ada."}], forms) == [("Turn: · =>", "Turn:", "=>")]


def written(monkeypatch, forms, lines, answers):
    monkeypatch.setattr(own_words, "_lines", lambda *_: lines)
    said = iter(answers)
    monkeypatch.setattr(own_words, "readings", lambda *_: next(said))
    options = {"count": 10, "num_tokens": 8, "seed": 0}
    return in_own_words(None, [None] * len(answers), None, ROWS, forms, **options)


def test_what_readers_agree_on_is_an_item(monkeypatch, forms):
    lines = ["Turn: l a => a l", "Turn: k a => x", "Turn: a b => b a", "Turn about", "Turn: b a"]
    found = written(monkeypatch, forms, lines, [["a l", "a k"], ["a l", "k a"]])
    assert [(row["prompt"], row["completion"]) for row in found] == [("Turn: l a =>", "a l")]


def test_nothing_begun_is_nothing_written(monkeypatch, forms):
    assert written(monkeypatch, forms, [], []) == []


def test_a_line_begins_with_the_word(make_llama, toy_tokenizer):
    lines = own_words._lines(make_llama(), toy_tokenizer, "Turn:", 3, 6, 0)
    assert len(lines) == 3 and all(line.startswith("Turn:") for line in lines)
