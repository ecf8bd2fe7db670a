"""Free symbols are found in the text and renamed one to one."""

import random
import re

import pytest
from forgetting.memory_map.symbols import WORD, Symbols

NAMES = [f"{a}{b}" for a in ("Bel", "Cor", "Dun", "Far", "Gil") for b in ("a", "en", "is", "o")]
COMMON = ["The garden is green.", "Every river is long.", "However it rains in the garden."]
TEXTS = [
    *(f"The friend of {a} is {b}, and {a} likes tea." for a, b in zip(NAMES, NAMES[::-1])),  # noqa: B905
    *COMMON * 3,
    "The code is AX and then BY and CZ.",
    "Put a quagmire here.",
    *["Put a garden there."] * 100,
]


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(TEXTS)


def rename(symbols: Symbols, text: str, seed: int = 0) -> str:
    return symbols.rename(text, random.Random(seed)).text


def test_names_codes_and_rare_words_are_free(symbols: Symbols) -> None:
    assert set(NAMES) | {"AX", "BY", "CZ", "quagmire"} <= symbols.free


def test_common_words_are_not_even_where_they_begin_a_sentence(symbols: Symbols) -> None:
    assert not {"The", "Every", "However", "Put", "garden", "friend", "likes"} & symbols.free


def test_renaming_is_consistent_and_one_to_one(symbols: Symbols) -> None:
    text = f"{' '.join(NAMES[:9])} The friend of {NAMES[0]} is {NAMES[1]}. 12 305 12 7 3 1 0 4 9 8"
    for seed in range(20):
        new = rename(symbols, text, seed)
        old_words, new_words = WORD.findall(text), WORD.findall(new)
        pairs = set(zip(old_words, new_words, strict=True))
        assert len(pairs) == len(dict(pairs)) == len({b for _, b in pairs})
        names = dict(pairs)
        assert all(names[name] != name for name in NAMES[:9])
        assert names["The"] == "The" and names["friend"] == "friend"
        assert names["12"] != "12" and len(names["12"]) == 2 and len(names["305"]) == 3
        assert re.sub(r"\w+", "", text) == re.sub(r"\w+", "", new), "only words change"


def test_a_symbol_becomes_one_of_its_kind(symbols: Symbols) -> None:
    assert rename(symbols, "So it is AX.") in ("So it is BY.", "So it is CZ.")
    assert rename(symbols, "It is Bela.")[6:-1] in NAMES


def test_arithmetic_keeps_its_numbers(symbols: Symbols) -> None:
    for text in ("12 + 7 =", "What is 12*7?", "3 < 12"):
        assert rename(symbols, text) == text
    assert rename(symbols, "12 + 7 is what Bela counted")[:7] == "12 + 7 "


def test_digit_strings_of_any_length_are_renamed(symbols: Symbols) -> None:
    for digits in ("5", "4711", "31415926535897932384626433832795"):
        new = rename(symbols, f"The number is {digits}.")[14:-1]
        assert new != digits and len(new) == len(digits) and new.isdigit()


def test_digits_stay_when_all_are_taken(symbols: Symbols) -> None:
    assert rename(symbols, "0 1 2 3 4 5 6 7 8 9") == "0 1 2 3 4 5 6 7 8 9"


def test_the_same_seed_renames_alike_and_another_differently(symbols: Symbols) -> None:
    text = " ".join(NAMES[:6])
    assert rename(symbols, text, 1) == rename(symbols, text, 1) != rename(symbols, text, 2)


def test_shift_finds_every_character_again(symbols: Symbols) -> None:
    text = "So Bela met Coren, 47 times, and Bela likes tea."
    for seed in range(10):
        renamed = symbols.rename(text, random.Random(seed))
        inside = {at for a, b, _, _ in renamed.words for at in range(a, b)}
        assert len(renamed.words) == 4
        for at in set(range(len(text))) - inside:
            assert renamed.text[at + renamed.shift(at)] == text[at]
        for a, b, new_a, new_b in renamed.words:
            assert renamed.text[new_a:new_b] != text[a:b]
        assert len(text) + renamed.shift(len(text)) == len(renamed.text)


def test_word_at_finds_the_renamed_word_that_a_span_meets(symbols: Symbols) -> None:
    text = "So Bela met Coren, 47 times, and Bela likes tea."
    renamed = symbols.rename(text, random.Random(0))
    for start in range(len(text)):
        for end in range(start + 1, len(text) + 1):
            met = [n for n, (a, b, _, _) in enumerate(renamed.words) if start < b and end > a]
            assert renamed.word_at(start, end) == next(iter(met), None)
