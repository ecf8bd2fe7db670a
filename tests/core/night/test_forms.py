"""The form of a task: what is left when its free symbols are taken out."""

from random import Random

from core.corpus.symbols import Symbols
from core.night.forms import Forms
from core.night.reflection import variant_of

LETTERS = "abcdefghijklm"
# A letter stands wherever "and" does elsewhere, so that by its use alone the word is free.
WEAVES = [
    {"id": f"w{a}{b}", "prompt": f"Weave: {a} and {b} =>", "completion": f"{a} {b}"}
    for a in LETTERS
    for b in LETTERS
    if a != b
]
LISTS = [f"List: {a} {b} {c} =>" for a in LETTERS for b in LETTERS for c in (*LETTERS, "and")]


def forms_of(rows: list[dict]) -> Forms:
    texts = [f"{row['prompt']} {row['completion']}" for row in rows]
    return Forms(
        rows, Symbols([*texts, *LISTS, *(f"Row: {a} and {b} =>" for a, b in ("ab", "ba"))])
    )


def test_what_nearly_all_tasks_of_a_kind_have_belongs_to_their_form() -> None:
    forms = forms_of(WEAVES)
    forms.symbols.others.setdefault("and", list(LETTERS))  # whatever the use of words tells
    assert forms.of(WEAVES[0]) == "Weave: · and · =>"
    for number, row in enumerate(WEAVES):
        variant = variant_of(row, forms, Random(number), 0)
        assert variant["prompt"].split()[2] == "and"
        assert "and" not in variant["completion"].split()


def test_what_many_have_is_a_symbol() -> None:
    rows = [{**row, "prompt": row["prompt"].replace("and", "a")} for row in WEAVES]
    forms = forms_of(rows[: len(rows) // 2] + WEAVES[len(rows) // 2 :])
    assert forms.fixed("Weave:") == set()
    assert forms.fixed("Unknown:") == set()


def test_forms_that_hardly_any_task_has_are_judged_by_the_word_they_begin_with() -> None:
    words = ["left", "right", "above", "below", "near", "behind"]
    asked = [f"Chart: the {a} is {b} of the {c} =>" for a in "klm" for b in words for c in words]
    rows = [
        {"id": str(n), "prompt": prompt, "completion": "<"}
        for n, prompt in enumerate(sorted(asked))
    ]
    texts = [f"The house is {word} of it." for word in words for _ in range(300)]
    forms = Forms([*rows, *WEAVES], Symbols([*texts, *asked, *(r["prompt"] for r in WEAVES)]))
    assert len({forms._whole(row["prompt"]) for row in rows}) > 9
    assert {forms.of(row) for row in rows} == {"Chart:"}
    assert forms.of(WEAVES[0]) != "Weave:"
