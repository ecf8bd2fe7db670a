"""What is taken of a continuation, and what isn't."""

import pytest

from core.writing.notebook import PROSE, QUESTIONS, READING, STATEMENTS, Notebook, Request


@pytest.fixture
def notebook() -> Notebook:
    return Notebook(lambda text: len(text.split()))


def test_facts_are_taken_once_and_what_was_shown_never(notebook: Notebook) -> None:
    request = Request("capital", "", "The capital of Chile is")
    said = " Santiago.\nThe capital of France is Paris.\nThe capital of Cuba is Havana.\nThe capital of"
    notebook.take(request, said, ended=False)
    notebook.take(request, " Valparaiso.\nAnd so on.\n", ended=True)
    found = [("Chile", "Santiago"), ("Cuba", "Havana")]
    assert list(notebook.facts["capital"].values()) == found
    assert {"Chile", "Cuba", "France"} <= notebook.names["country"].keys()
    assert "Havana" in notebook.names["city"], "a value is a subject of other topics"
    assert notebook.num_tokens == 4 * 6 * 2


def test_a_line_that_was_cut_off_is_left_out(notebook: Notebook) -> None:
    notebook.take(Request("plural", "", "The plural of"), " ox is oxen.", ended=False)
    assert not notebook.facts["plural"]
    notebook.take(Request("plural", "", "The plural of"), " ox is oxen.", ended=True)
    assert notebook.facts["plural"] == {"ox": ("ox", "oxen")}


def test_statements_name_new_subjects(notebook: Notebook) -> None:
    said = " is a port in Peru.\nThe Andes are mountains in South America.\nToo short.\nno end\n"
    notebook.take(Request(STATEMENTS, "", "Callao"), said, ended=False)
    assert list(notebook.texts[STATEMENTS]) == [
        "Callao is a port in Peru.",
        "The Andes are mountains in South America.",
    ]
    assert {"Callao", "The Andes"} <= notebook.subjects.keys()


@pytest.mark.parametrize(
    ("begun", "said"),
    [
        ("गंगा", "भारत की एक लंबी नदी है।"),
        ("دریائے سندھ", "پاکستان کا سب سے لمبا دریا ہے۔"),
        ("Նեղոսը", "Աֆրիկայի ամենաերկար գետն է։"),
        ("長江", "は中国でいちばん長い川である。"),
    ],
)
def test_a_statement_is_kept_in_each_script(notebook: Notebook, begun: str, said: str) -> None:
    notebook.take(Request(STATEMENTS, "", begun), f" {said}\n", ended=True)
    assert [text.split()[-1] for text in notebook.texts[STATEMENTS]] == [said.split()[-1]]


def test_questions_need_answers(notebook: Notebook) -> None:
    said = (
        " Who found the source of the Nile?\nAnswer: John Speke\nQuestion: And who didn't?\nAnswer:"
    )
    notebook.take(Request(QUESTIONS, ""), said, ended=False)
    assert list(notebook.texts[QUESTIONS]) == [
        "Question: Who found the source of the Nile?\nAnswer: John Speke"
    ]


def test_what_a_passage_does_not_say_is_not_read_from_it(notebook: Notebook) -> None:
    request = Request(READING, "", passage="Ida lives in Bremen with two cats.")
    notebook.take(request, " Where does Ida live?\nAnswer: In Berlin\n", ended=True)
    assert not notebook.texts[READING]
    notebook.take(request, " Where does Ida live?\nAnswer: in Bremen.\n", ended=True)
    (text,) = notebook.texts[READING]
    assert text == f"Passage: {request.passage}\nQuestion: Where does Ida live?\nAnswer: in Bremen."


def test_prose_loses_the_sentence_that_was_cut_off_and_goes_when_it_circles(
    notebook: Notebook,
) -> None:
    whole = (
        " upon a time a miller had three sons and an old grey donkey that carried his flour. "
        "One day he sent all of them away to the far town."
    )
    notebook.take(Request(PROSE, "", "Once"), f"{whole} There they", ended=False)
    assert list(notebook.texts[PROSE]) == [f"Once{whole}"]
    notebook.take(Request(PROSE, "", "Once"), " and again and then" * 20, ended=False)
    assert len(notebook.texts[PROSE]) == 1
