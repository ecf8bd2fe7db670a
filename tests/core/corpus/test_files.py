"""Texts and questions of files are text: whole sentences, and words as the script has them."""

import json
import unicodedata
from pathlib import Path
from random import Random

import pytest

from core.corpus.files import minimal_pairs, paragraphs, passages, questions
from core.corpus.script import count_words
from core.errors import UserError

SENTENCE = "This is sentence number {n} of a long line."
SENTENCES = [SENTENCE.format(n=n) for n in range(100)]
CHINESE = "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。"

WIKITEXT = """\
 = Lobster =

 The lobster , H. gammarus , is a large animal ( 24 @.@ 5 in ) of St. Ives . It has claws !
 Is it blue ? It 's a <unk> word . In life it is blue , 3 @,@ 000 of them say .
"""


def test_tokenized_text_is_cut_and_cleaned_as_ever() -> None:
    assert list(paragraphs(WIKITEXT, 3, 18)) == [
        "The lobster, H. gammarus, is a large animal (24.5 in) of St. Ives.",
        "It has claws!",
        "Is it blue?",
        "In life it is blue, 3,000 of them say.",
    ]
    [whole] = paragraphs(WIKITEXT.splitlines()[2], 3, 80)
    assert (
        whole
        == f"{'The lobster, H. gammarus, is a large animal (24.5 in) of St. Ives.'} It has claws!"
    )


def test_prose_is_cut_at_its_sentences() -> None:
    found = list(paragraphs(" ".join(SENTENCES), 20, 60))
    assert " ".join(found) == " ".join(SENTENCES)
    assert all(20 <= count_words(text) <= 60 and text.endswith("line.") for text in found)
    # Signs stay where they stand.
    french = "Qui ? « Moi ! » dit-il . . . et puis ; rien. Il part. Il est loin. Il dort."
    assert list(paragraphs(french, 3, 60)) == [french]


def test_wrapped_lines_are_one_paragraph_and_short_ones_are_not() -> None:
    wrapped = (
        "A title\n\n" + "This line is wrapped before its end has come,\nand goes on here.\n" * 2
    )
    wrapped += "\nThe next paragraph is no part of it."
    line = "This line is wrapped before its end has come, and goes on here."
    expected = ["A title", line, line, "The next paragraph is no part of it."]
    assert list(paragraphs(wrapped, 1, 60)) == expected


def test_words_are_counted_as_their_script_has_them() -> None:
    found = list(paragraphs(CHINESE * 20, 20, 60))
    assert "".join(found) == CHINESE * 20
    assert all(20 <= count_words(text) <= 60 and text.endswith("。") for text in found)
    # Thai has no stops.
    thai = "กรุงเทพเป็นเมืองหลวง" * 30
    assert all(20 <= count_words(text) <= 60 for text in paragraphs(thai, 20, 60))
    assert "".join(paragraphs(thai, 1, 60)) == thai
    blocks = "\n\n".join(f"{chr(0x4E00 + n)}{CHINESE * 3}" for n in range(9))
    drawn = passages(blocks, Random(0), 9, 40)
    assert {count_words(text) for text in drawn} == {40}
    with pytest.raises(UserError, match="have 0 blocks of 90 words"):
        passages(blocks, Random(0), 1, 90)


def test_a_passage_is_its_first_words() -> None:
    block = "one  two,\nthree four\tfive"
    assert passages(block, Random(0), 1, 3) == ["one two, three"]
    assert passages(block, Random(0), 1, 5) == ["one two, three four five"]
    with pytest.raises(UserError, match="have 0 blocks of 6 words"):
        passages(block, Random(0), 1, 6)


def asked(tmp_path: Path, *answers: object) -> list[str]:
    """The answers of questions about one place each."""
    rows = [
        {"context": f"Place {n} is big.", "question": "What?", "answer": answer}
        for n, answer in enumerate(answers)
    ]
    (tmp_path / "Q.json").write_text(json.dumps(rows))
    found = questions(tmp_path / "Q.json", 60)
    return sorted(row["completion"] for half in found for row in half)


def test_an_answer_is_a_text_or_the_first_of_several(tmp_path: Path) -> None:
    squad = {"text": ["Bern", "in Bern"], "answer_start": [0, 0]}
    nothing = [None, "", [], {"text": [], "answer_start": []}]
    cafe = unicodedata.normalize("NFD", "Café")
    found = asked(
        tmp_path, "Paris", ["Rome", "Roma"], squad, *nothing, "much too long to say", cafe
    )
    assert found == ["Bern", "Café", "Paris", "Rome"]
    assert asked(tmp_path, "東京", "東京都立大学") == ["東京"]
    (tmp_path / "Z.json").write_text(
        json.dumps([{"context": "東" * 61, "question": "何", "answer": "東"}])
    )
    assert questions(tmp_path / "Z.json", 60) == ([], [])


@pytest.mark.parametrize("answer", [{"span": [1, 2]}, [["a"]], True])
def test_any_other_answer_is_told_with_its_row(tmp_path: Path, answer: object) -> None:
    with pytest.raises(UserError, match=r"Q\.json, row 2: 'answer' must be text, a list of texts"):
        asked(tmp_path, "Paris", answer)


def test_a_text_that_is_none_is_told_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "Q.json").write_text('[{"context": null, "question": "What?", "answer": "x"}]')
    with pytest.raises(UserError, match=r"Q\.json, row 1: 'context' must be text, not null"):
        questions(tmp_path / "Q.json", 60)
    (tmp_path / "Q.json").write_text('[{"context": "a", "questions": "What?", "answer": "x"}]')
    with pytest.raises(UserError, match=r"row 1 has no 'question'; did you mean 'questions'\?"):
        questions(tmp_path / "Q.json", 60)
    (tmp_path / "a.jsonl").write_text(
        '{"good": "It is.", "bad": "It are."}\n{"good": 1, "bad": ""}'
    )
    with pytest.raises(UserError, match=r"a\.jsonl, row 2: 'good' must be text, not 1"):
        minimal_pairs(tmp_path)
