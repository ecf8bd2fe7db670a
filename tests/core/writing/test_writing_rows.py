"""Rows hold every fact in each form, texts once, and exercises that are right."""

import re

from core.writing.notebook import STATEMENTS, Notebook, Request
from core.writing.rows import exercise_rows, written_rows

FACTS = "The capital of Chile is Santiago.\nThe capital of Cuba is Havana.\nThe capital of Mali is Bamako.\n"


def test_a_fact_is_told_asked_and_read() -> None:
    made = Notebook(lambda text: len(text.split()))
    made.take(Request("capital", ""), FACTS, ended=True)
    made.take(Request("plural", ""), "The plural of ox is oxen.\n", ended=True)
    rows = written_rows(made, seed=0)
    assert rows == written_rows(made, seed=0)
    assert len({row["id"] for row in rows}) == len(rows)
    capitals = [row["text"] for row in rows if row["source"] == "written"]
    assert any(all(f in text for f in FACTS.strip().split("\n")) for text in capitals)
    assert any("Question: What is the capital of Mali?\nAnswer: Bamako" in t for t in capitals)
    (read,) = [text for text in capitals if text.startswith("Passage:")]
    passage, question, answer = re.match(
        r"Passage: (.+)\nQuestion: (.+)\nAnswer: (.+)", read
    ).groups()
    country = question.removeprefix("What is the capital of ").rstrip("?")
    assert f"The capital of {country} is {answer}." in passage
    assert {row["source"] for row in rows if "oxen" in row["text"]} == {"words"}


def test_near_duplicates_go() -> None:
    made = Notebook(len)
    told = "Lima is a large city on the coast of Peru."
    others = [
        "Bremen is an old town in the north of Germany.",
        "Kyoto has many temples and gardens.",
    ]
    for text in (told, "Lima is a very large city on the coast of Peru.", *others):
        made.texts[STATEMENTS][text] = None
    lines = [line for row in written_rows(made, 0) for line in row["text"].split("\n")]
    assert len(lines) == 3 and set(others) < set(lines)


def test_sums_are_worked_out() -> None:
    rows = list(exercise_rows(400, lambda text: len(text.split()), seed=0))
    assert {row["source"] for row in rows} == {"exercise"}
    assert 400 <= sum(len(row["text"].split()) for row in rows) < 500
    sums = [s for row in rows for s in re.findall(r"(\d+) ([+-]) (\d+) = (\d+)", row["text"])]
    assert len(sums) > 20
    assert all(int(c) == int(a) + int(f"{sign}{b}") for a, sign, b, c in sums)
