from random import Random

import pytest

from core.corpus.symbols import Symbols
from core.night import reflection
from core.night.forms import Forms
from core.night.reflection import reflect, variant_of, variants_of

LETTERS = "abcdefghijklm"
ROWS = [
    {"id": f"t{a}{b}", "prompt": f"Turn: {a} {b} =>", "completion": f"{b} {a}"}
    for a in LETTERS
    for b in LETTERS
    if a < b
]


@pytest.fixture(scope="module")
def forms() -> Forms:
    kinds = ["Sort", "List", "Table", "Story", "Row", "Map", "Lift", "Run"]
    others = [f"{kind}: {a} {b} =>" for kind in kinds for a in LETTERS for b in LETTERS]
    return Forms(
        ROWS, Symbols([*others, *(f"{row['prompt']} {row['completion']}" for row in ROWS)])
    )


def test_a_variant_says_the_same_of_other_symbols(forms):
    row = ROWS[0]
    variant = variant_of(row, forms, Random(1), 0)
    head, one, other, arrow = variant["prompt"].split()
    assert (head, arrow) == ("Turn:", "=>")
    assert {one, other}.isdisjoint({"a", "b"}) and one != other
    assert variant["completion"] == f"{other} {one}"


def test_what_the_answer_alone_has_stays(forms):
    row = {"id": "n", "prompt": "Count a: a b =>", "completion": "1 time"}
    assert variant_of(row, forms, Random(0), 0)["completion"] == "1 time"


def test_variants_differ_from_each_other_and_from_their_rows(forms):
    pairs = variants_of(ROWS, forms, 4, "seed")
    prompts = [variant["prompt"] for _, variant in pairs]
    assert len(prompts) > 2 * len(ROWS) or len(prompts) == len(set(prompts))
    assert len(prompts) == len(set(prompts))
    assert pairs == variants_of(ROWS, forms, 4, "seed")


PAIR = (ROWS[0], {"id": "v", "prompt": "Turn: c d =>", "completion": "d c"})


@pytest.mark.parametrize(
    ("stands", "said", "kept"),
    [
        (True, ("d c", "d c"), "d c"),
        (True, ("d c", "c d"), "d c"),  # no two speak against it
        (True, ("c d", "c d"), None),
        (False, ("c d", "c d"), "c d"),  # what both read is the answer
        (False, ("c d", "d c"), None),
        (False, ("", ""), None),
    ],
)
def test_a_variant_is_kept_by_two_readings(monkeypatch, stands, said, kept):
    answers = iter(said)
    monkeypatch.setattr(reflection, "readings", lambda *_: [next(answers)])
    found = reflect([PAIR], [stands], [None, None], None)  # type: ignore[list-item, arg-type]
    assert [row["completion"] for row in found.rows] == ([] if kept is None else [kept])
    assert found.num_dropped == (kept is None)


def test_readings_are_as_long_as_the_answers(make_llama, toy_tokenizer):
    tasks = [{"id": "a", "prompt": "Turn around: red blue", "completion": "blue red"}]
    [said] = reflection.readings(make_llama(), toy_tokenizer, tasks)
    assert isinstance(said, str)
