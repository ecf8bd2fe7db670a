"""Statements that end with a name, in scripts with and without spaces."""

from core.corpus.symbols import Symbols
from evals.own.statements import sentences, statements

CAPITALS = {"Chile": "Santiago", "Cuba": "Havana", "New Zealand": "Wellington", "Peru": "Lima"}


def found(texts: list[str]) -> list[tuple[str, str, str]]:
    told = sentences([{"id": str(n), "text": text} for n, text in enumerate(texts)])
    return [(s.prompt, s.subject, s.value) for s in statements(told, Symbols(told))]


def filler(form: str) -> list[str]:
    """Enough texts of a form for its own words to be known as such."""
    return [form.format(f"Q{n}a", f"Z{n}b") for n in range(9)]


def test_subject_value_and_form() -> None:
    told = [f"The capital of {c} is {v}." for c, v in CAPITALS.items()]
    made = found([*filler("The capital of {} is {}."), " ".join(told)])[9:]
    assert made == [(f"The capital of {c} is", c, v) for c, v in CAPITALS.items()]


def test_what_can_be_read_or_does_not_end_with_a_name_is_left_out() -> None:
    form = filler("The capital of {} is {}.")
    wrong = [
        "Passage: The capital of Togo is Lome.",
        "The capital of Togo is Togo City.",
        "The capital of Togo is",
        "The capital of Togo is ~Lome.",
    ]
    assert len(found([*form, *wrong])) == 9


def test_the_same_of_the_same_subject_is_asked_once() -> None:
    form = filler("The capital of {} is {}.")
    assert len(found([*form, *form, "The capital of Q1a is Rome."])) == 9


def test_other_signs_and_scripts_end_a_statement() -> None:
    form = filler("Столица {} это {}!")
    assert found([*form, "Столица Чили это Сантьяго!"])[-1] == (
        "Столица Чили это",
        "Чили",
        "Сантьяго",
    )
