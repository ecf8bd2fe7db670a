"""Words of scripts without spaces are found by how their characters follow each other."""

import random

import pytest

from core.corpus import segmentation
from core.corpus.script import words
from core.corpus.segmentation import LONGEST, Segmentation
from core.corpus.symbols import Symbols

SYLLABLES = [chr(0x3042 + n) for n in range(60)]


def draw_words(rng: random.Random, count: int, sizes: tuple[int, ...]) -> list[str]:
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(rng.choices(SYLLABLES, k=rng.choice(sizes)))] = None
    return list(found)


@pytest.fixture(scope="module")
def language() -> tuple[list[list[str]], list[str], list[str]]:
    """Sentences as lists of words, the names in them and the towns."""
    rng = random.Random(3)
    of, lives, near, likes = draw_words(rng, 4, (1, 2))
    names, towns = draw_words(rng, 60, (2, 3)), draw_words(rng, 30, (2, 3, 4))
    frames = ((lives, of), (near, of), (likes, near), (of, likes))
    sentences = [
        [rng.choice(names), first, rng.choice(towns), second, rng.choice(towns)]
        for _ in range(600)
        for first, second in frames
    ]
    return sentences, names, towns


def test_names_and_towns_are_cut_out(language) -> None:
    sentences, *_ = language
    cut = Segmentation([f"{''.join(sentence)}。" for sentence in sentences])
    found = total = 0
    for sentence in sentences:
        text = "".join(sentence)
        borders = {at for span in cut.words(text) for at in span}
        at = 0
        for word in sentence:
            found += {at, at + len(word)} <= borders
            total += 1
            at += len(word)
    assert found / total > 0.9


def test_words_stand_beside_each_other_and_make_up_their_runs(language) -> None:
    sentences, *_ = language
    cut = Segmentation(["".join(sentence) for sentence in sentences])
    text = "".join(sentences[0]) + "，Rome 12 " + "".join(sentences[1]) + "丁"
    spans = list(cut.words(text))
    assert [text[a:b] for a, b in spans if text[a:b].isascii()] == ["Rome", "12"]
    assert "".join(text[a:b] for a, b in spans) == text.replace("，", "").replace(" ", "")
    assert all(0 < b - a <= LONGEST for a, b in spans)


def test_names_are_renamed_whole(language) -> None:
    sentences, names, towns = language
    symbols = Symbols([f"{''.join(sentence)}。" for sentence in sentences])
    known = {*names, *towns}
    rng, whole, total = random.Random(0), 0, 0
    for sentence in sentences[:50]:
        text = "".join(sentence)
        for word in symbols.rename(text, rng).words:
            total += 1
            whole += text[word.start : word.end] in known
    assert total > 50 and whole / total > 0.9


@pytest.mark.parametrize(
    "text", ["Ada lives in Rome.", "живёт в Риме", "한국의 수도는 서울이다", "a_b 1,2\n\nc", ""]
)
def test_where_spaces_are_words_are_as_the_script_shows_them(text: str) -> None:
    assert list(Segmentation([text]).words(text)) == list(words(text))


def test_too_little_text_leaves_characters() -> None:
    cut = Segmentation(["北京", "私は", ""])
    assert [b - a for a, b in cut.words("東京の人")] == [1, 1, 1, 1]


def test_a_character_keeps_its_marks() -> None:
    texts = [f"ที่{a}{b}นั่น" for a in ("กา", "ขี่", "คู้") for b in ("งำ", "จุ๊", "ชา")]
    cut = Segmentation(texts)
    for text in texts:
        ends = {end for _, end in cut.words(text)}
        assert ends <= {end for _, end in words(text)}


def test_only_so_much_of_a_corpus_is_looked_at(language, monkeypatch) -> None:
    sentences, *_ = language
    texts = ["".join(sentence) for sentence in sentences]
    monkeypatch.setattr(segmentation, "SURVEYED", sum(map(len, texts[:1200])))
    some, first = Segmentation(texts), Segmentation(texts[:1200])
    assert [*map(list, map(some.words, texts))] == [*map(list, map(first.words, texts))]


def test_words_that_hardly_stand_apart_are_one() -> None:
    runs = [["か", "ぎ", "は"], ["か", "ぎ", "も"], ["の", "は"], ["の", "も"]] * 8
    assert segmentation._inseparable(runs) == {("か", "ぎ")}
    assert not segmentation._inseparable(runs[:8])  # met too seldom to say


def test_words_with_a_part_in_common_are_taken_apart() -> None:
    stems = draw_words(random.Random(5), 40, (2, 3))
    found = segmentation._parts({*stems, *("んの" + stem for stem in stems[:20])})
    assert all(found["んの" + stem][-1] == stem for stem in stems[:20])
