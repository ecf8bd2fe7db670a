"""Free symbols are found by use, in any case and script, and renamed one to one."""

import random
import re

import pytest

from core.corpus.script import words_of
from core.corpus.symbols import FEWEST, MOST, SELDOM, Symbols, used_alike

NAMES = [f"{a}{b}" for a in ("bel", "cor", "dun", "far", "gil") for b in ("a", "en", "is", "o")]
TOWNS = ["Accra", "Bonn", "Cairo", "Delhi", "Essen", "Fargo", "Genoa", "Hanoi", "Izmir", "Jena"]
TEXTS = [
    *(f"the friend of {a} lives in {b}." for a in NAMES for b in TOWNS),
    *(
        f"the {a} house is {size} than the {b} one."
        for n, a in enumerate(NAMES)
        for b in (NAMES * 2)[n + 1 : n + 6]
        for size in ("larger", "older")
    ),
    *(f"the year of {a} is {1800 + 3 * n}." for n, a in enumerate(NAMES * 9)),
    *(f"note {n} stays." for n in range(10_000, 12_500)),  # beside which names are rare
    "put a quagmire here.",
]


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(TEXTS)


def rename(symbols: Symbols, text: str, seed: int = 0) -> str:
    return symbols.rename(text, random.Random(seed)).text


def test_what_others_could_stand_for_is_free_in_any_case(symbols: Symbols) -> None:
    assert all(map(symbols.is_free, [*NAMES, *TOWNS, "1800", "1803"]))
    assert set(symbols.others["bela"]) <= set(NAMES) and set(symbols.others["Bonn"]) <= set(TOWNS)
    assert not any(map(symbols.is_free, ["the", "of", "friend", "lives", "is", "year", "than"]))


def test_words_of_few_alternatives_are_not_free(symbols: Symbols) -> None:
    assert not symbols.is_free("larger") and not symbols.is_free("older")


def test_a_word_in_too_few_texts_to_tell_is_free(symbols: Symbols) -> None:
    assert symbols.is_free("quagmire") and symbols.is_free("neverseen")
    often = Symbols([*TEXTS, *(f"put a quagmire there, {n} times." for n in range(SELDOM))])
    assert not often.is_free("quagmire")


@pytest.mark.parametrize("script", ["абвгд", "ابتثج", "אבגדה", "αβγδε", "가나다라마"])
def test_no_case_is_needed(script: str) -> None:
    names = [a + b for a in script for b in script]
    made = Symbols([f"— {a}: {b}!" for a in names for b in names[::3]])
    assert all(len(made.others[name]) >= FEWEST for name in names)


def test_renaming_is_consistent_and_one_to_one(symbols: Symbols) -> None:
    text = "the friend of bela is coren, who likes Bela in Bonn; dunis and Faro know 1803 and 1806."
    for seed in range(20):
        new = rename(symbols, text, seed)
        old_words, new_words = words_of(text), words_of(new)
        names = dict(zip(old_words, new_words, strict=True))
        assert len(set(names.values())) == len(names)
        assert all(names[word] != word for word in ("bela", "coren", "Bonn", "dunis", "1803"))
        assert names["Bela"] == names["bela"].capitalize(), "one name, however it is written"
        assert names["the"] == "the" and names["friend"] == "friend"
        assert re.sub(r"\w+", "", text) == re.sub(r"\w+", "", new), "only words change"


def test_a_symbol_becomes_one_used_alike(symbols: Symbols) -> None:
    for seed in range(9):
        assert rename(symbols, "the bela.", seed)[4:-1] in NAMES
        assert rename(symbols, "the Bonn.", seed)[4:-1] in TOWNS


def test_digit_strings_that_were_never_met_keep_their_length(symbols: Symbols) -> None:
    for digits in ("5", "47111", "31415926535897932384626433832795"):
        new = rename(symbols, f"the year is {digits}.")[12:-1]
        assert new != digits and len(new) == len(digits) and new.isdigit()


def test_digits_stay_when_all_are_taken(symbols: Symbols) -> None:
    assert rename(symbols, "0 1 2 3 4 5 6 7 8 9") == "0 1 2 3 4 5 6 7 8 9"


def test_the_same_seed_renames_alike_and_another_differently(symbols: Symbols) -> None:
    text = " ".join(NAMES[:6])
    assert rename(symbols, text, 1) == rename(symbols, text, 1) != rename(symbols, text, 2)


@pytest.mark.parametrize(
    "texts", [[], [""], ["one"], ["same same same"], ["1 2 3 4 5"], [f"w{n}" for n in range(99)]]
)
def test_texts_without_any_use_have_no_classes(texts: list[str]) -> None:
    made = Symbols(texts)
    for text in texts:
        assert len(words_of(rename(made, text))) == len(words_of(text))


SAID = "so bela met coren, 47 times, and bela likes tea."


def test_shift_finds_every_character_again(symbols: Symbols) -> None:
    for seed in range(10):
        renamed = symbols.rename(SAID, random.Random(seed))
        inside = {at for word in renamed.words for at in range(word.start, word.end)}
        for at in set(range(len(SAID))) - inside:
            assert renamed.text[at + renamed.shift(at)] == SAID[at]
        for word in renamed.words:
            assert renamed.text[word.new_start : word.new_end] != SAID[word.start : word.end]
        assert len(SAID) + renamed.shift(len(SAID)) == len(renamed.text)
        first = [w.first for w in renamed.words if SAID[w.start : w.end] == "bela"]
        assert first == [3, 3], "where a word stood first is known"


def test_word_at_finds_the_renamed_word_that_a_span_meets(symbols: Symbols) -> None:
    renamed = symbols.rename(SAID, random.Random(0))
    for start in range(len(SAID)):
        for end in range(start + 1, len(SAID) + 1):
            met = [n for n, w in enumerate(renamed.words) if start < w.end and end > w.start]
            assert renamed.word_at(start, end) == next(iter(met), None)


def test_a_name_of_many_texts_stays_where_there_is_a_rarer_one() -> None:
    often = [
        f"the {kind} of {name} is {n}."
        for n, name in enumerate(NAMES * 40)
        for kind in ("size", "age")
    ]
    made = Symbols([*often, *(f"say {letter}: {a}." for letter in "abcdefghij" for a in NAMES * 9)])
    assert all(made.is_free(letter) for letter in "abcdefghij")
    for seed in range(5):
        assert rename(made, "say c: coren 7777.", seed).startswith("say c: ")
        assert not rename(made, "say c: c.", seed).startswith("say c: c")


def test_which_of_many_alike_are_kept_hangs_on_no_machine() -> None:
    listed = [f"name{n}" for n in range(3 * MOST)]
    found = used_alike(listed, {word: {"< is": 3, "> .": 5} for word in listed})
    for word in listed:
        first = [other for other in listed if other != word][:MOST]
        assert found[word] == first, "of ties the first, in any way of sorting"
