"""How scripts separate words: with a case of each kind of script."""

import re
import unicodedata

import pytest

from core.corpus.script import (
    borders,
    composed,
    count_words,
    ends_inside_a_word,
    holds,
    joined,
    joint,
    sentences_of,
    set_apart,
    spans_of,
    states,
    words_of,
)

ENGLISH = "The capital of Peru is Lima_2. It's 3.14 km, naïve… Is it? Yes!\nNo.  x² e.g. this"


@pytest.mark.parametrize(
    ("before", "after", "between"),
    [
        ("The capital is", "Lima", " "),
        ("Turn around: a b =>", "b a", " "),
        ("青島国の首都は", "東京", ""),
        ("法国的首都是", "巴黎", ""),
        ("首都は「", "東京", ""),
        ("首都：", "東京", ""),
        ("首都是“", "东京", ""),
        ("行く。", "はい", ""),
        ("เมืองหลวงของไทยคือ", "กรุงเทพ", ""),
        ("ပြည်", "မြန်မာ", ""),
        ("대한민국의 수도는", "서울", " "),
        ("대한민국의 수도는", "東京", " "),
        ("عاصمة مصر هي", "القاهرة", " "),
        ("בירת ישראל היא", "ירושלים", " "),
        ("भारत की राजधानी है", "दिल्ली", " "),
        # Mixed: an unspaced run goes on as it is, and what stands by itself is set apart.
        ("人口は", "500", ""),
        ("首都は", "Tokyo", ""),
        ("令和5", "年", ""),
        ("私のiPhone", "は", ""),
        ("The capital of Japan is", "東京", " "),
        ("in 2020", "年", " "),
        ("逆に: 赤 青 =>", "青", " "),
        ("首都:", "東京", " "),
        ("ราคา", "100", " "),
        ("Windows", "。", ""),
        # Signs that belong to what follows, and their likes that don't.
        ('He said "', "Rome", ""),
        ('He said "Rome"', "and", " "),
        ("the town of “", "Rome", ""),
        ("(", "Rome", ""),
        ("「", "Sony", ""),
        ("la città d'", "Arte", ""),
        ("dell’", "Arte", ""),
        ("the dogs'", "home", " "),
        ("It costs $", "5", ""),
        ("It costs 5 €", "today", " "),
        ("Guinea-", "Bissau", ""),
        ("yes -", "no", " "),
        # Nothing beside white space, or where there is nothing.
        ("x ", "y", ""),
        ("x\n", "y", ""),
        ("x", " y", ""),
        ("", "y", ""),
        ("x", "", ""),
    ],
)
def test_what_stands_between_prompt_and_answer(before: str, after: str, between: str) -> None:
    assert joint(before, after) == between
    assert joined([before, after]) == before + between + after


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("東京、カフェ ab1", ["東", "京", "カ", "フ", "ェ", "ab1"]),
        ("北京is大", ["北", "京", "is", "大"]),
        ("ที่นี่ดี", ["ที่", "นี่", "ดี"]),
        ("서울은 도시", ["서울은", "도시"]),
        ("السَّلامُ عليكم", ["السَّلامُ", "عليكم"]),
        ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),
        ("می‌خواهم", ["می‌خواهم"]),
        ("cafe\u0301 ☺\ufe0f", ["cafe\u0301"]),
    ],
)
def test_words_keep_their_marks(text: str, words: list[str]) -> None:
    assert words_of(text) == words


def test_english_is_as_it_was() -> None:
    assert words_of(ENGLISH) == re.findall(r"\w+", ENGLISH)
    assert sentences_of(ENGLISH, lines=False) == re.split(r"(?<=[.!?])\s+", ENGLISH)
    assert sentences_of(ENGLISH) == re.split(r"(?<=[.!?…])\s+|\s*\n\s*", ENGLISH)
    assert borders(ENGLISH) == [place.start() for place in re.finditer(" ", ENGLISH)]
    assert set_apart(ENGLISH) == ENGLISH == composed(ENGLISH)
    assert count_words(ENGLISH) == len(ENGLISH.split())


@pytest.mark.parametrize(
    "sentences",
    [
        ["一。", "「二。」", "三？！", "四"],
        ["我去。", "你呢？"],
        ["３．１４です．", "はい．"],
        ["यह है।", "वह है॥", "क"],
        ["ما هذا؟", "نعم."],
        ["زه په کور کې یم۔", "هو."],
        ["Այո։", "Ոչ։"],
        ["서울은 도시다.", "부산도 그렇다."],
        ["က။", "ခ။"],
        ["שלום.", "מה?"],
    ],
)
def test_sentences_end_in_each_script(sentences: list[str]) -> None:
    text = joined(sentences)
    assert sentences_of(text) == sentences_of(text, lines=False) == sentences
    assert sentences_of(" \n".join(sentences)) == sentences


def test_a_text_is_cut_between_words_only() -> None:
    text = "日本は ab ที่"
    assert [text[:cut] for cut in borders(text)] == ["日", "日本", "日本は", "日本は ab"]
    assert set_apart("東京ab").split() == ["東", "京", "ab"]
    assert count_words("東京は ab cd") == 5


@pytest.mark.parametrize(
    ("text", "part", "found"),
    [
        ("It is Rome.", "Rome", True),
        ("It is Romeo.", "Rome", False),
        ("New_Rome", "Rome", False),
        ("答えは東京です", "東京", True),
        ("答えはTokyoです", "Tokyo", True),
        ("อยู่กรุงเทพครับ", "กรุงเทพ", True),
        ("ที่", "ที", False),
        ("서울입니다", "서울", True),
        ("남서울", "서울", False),
        ("दिल्ली है", "दिल्ल", False),
        ("القاهرة.", "القاهرة", True),
        ("ירושלים", "ירושל", False),
        ("cafe\u0301!", "café", True),
        ("cafe\u0301!", "cafe", False),
        ("anything", " ", False),
    ],
)
def test_a_value_turns_up_as_whole_words(text: str, part: str, found: bool) -> None:
    assert holds(text, part) is found
    assert holds(unicodedata.normalize("NFD", text), part) is found


@pytest.mark.parametrize(
    ("text", "is_stated", "is_cut"),
    [
        ("Rome is old.", True, False),
        ("東京は都市です。", True, False),
        ("यह शहर है।", True, False),
        ("یہ شہر ہے۔", True, False),
        ("ከተማ ነው።", True, False),
        ("Քաղաք է։", True, False),
        ("မြို့ဖြစ်သည်။", True, False),
        ("Is it?", False, False),
        ("都市ですか？", False, False),
        ("هل هي مدينة؟", False, False),
        ("the old", False, True),
        ("यह दिल्ली", False, True),
        ("cafe\u0301", False, True),
        ("", False, False),
    ],
)
def test_a_statement_ends_in_a_stop_of_its_script(text: str, is_stated: bool, is_cut: bool) -> None:
    assert (states(text), ends_inside_a_word(text)) == (is_stated, is_cut)


def test_spans_are_in_the_text_as_it_is() -> None:
    assert spans_of("new york", "In New\nYork, Newyork.", any_case=True) == [(3, 11)]
    assert spans_of("京都", "東京都と京都", any_case=True) == [(1, 3), (4, 6)]
    assert spans_of("Rome", "rome") == []
