"""Names that take endings are one name in all their forms; where there are no such endings, none is found."""

import random
import re

import pytest

from core.corpus.endings import STEMS, find_stems
from core.corpus.symbols import Symbols
from core.corpus.told import find_told

NAMES = [a + b for a in ("Bel", "Cor", "Dun", "Far", "Gil") for b in ("mo", "tas", "rik", "vu")]
TOWNS = [f"{a}{b}" for a in ("Acc", "Bon", "Cai", "Del", "Ess") for b in ("ra", "um", "eth", "ol")]
FRAMES = ("a house of {}{} stood in {}.", "we saw {}{} come from {}.", "what {}{} owns is {}.")
ENDINGS = ("inen", "illa", "usta")


def told(endings: tuple[str, ...], num_towns: int = 3) -> list[str]:
    """Each name has some towns, told in each frame with its ending, among texts without names."""
    rng = random.Random(0)
    texts = [f"on day {n} it rained for {n % 7} hours." for n in range(2500)]
    for name in NAMES:
        for town in rng.sample(TOWNS, num_towns):
            texts += [
                f"{when} {frame.format(name, ending, town)}"
                for frame, ending in zip(FRAMES, endings, strict=True)
                for when in ("once", "long ago", "then")
            ]
    return texts


def names_in(text: str) -> list[str]:
    return re.findall(r"\b[A-Z]\w+", text)


def test_forms_of_a_name_have_its_stem() -> None:
    stems = find_stems(told(ENDINGS), names_in)
    assert {word[:size] for word, size in stems.items()} == set(NAMES)
    assert {word[size:] for word, size in stems.items()} == set(ENDINGS)


def test_what_stands_before_all_endings_is_no_part_of_a_name_that_is_met_alone() -> None:
    linked = ("ainen", "ailla", "austa")
    alone = [f"there is {name}, {when}." for name in NAMES for when in ("now", "here", "too")]
    assert {
        word[:size] for word, size in find_stems([*told(linked), *alone], names_in).items()
    } == {*NAMES}
    assert {word[:size] for word, size in find_stems(told(linked), names_in).items()} == {
        name + "a" for name in NAMES
    }


def test_particles_of_hangul_are_endings_too() -> None:
    rng = random.Random(0)
    people, towns = (
        ["민수", "영희", "철수", "지우", "하준", "서연", "도윤"],
        ["서울", "부산", "대구", "인천"],
    )
    texts = []
    for person in people:
        for town in rng.sample(towns, 2):
            for when in ("지금", "어제", "오늘"):
                texts += [
                    f"{when} {person}는 {town}에 산다.",
                    f"{when} {person}의 집은 {town}에 있다.",
                ]
    stems = find_stems(
        texts, lambda text: re.findall(r"\b(?:" + "|".join([*people, *towns]) + r")\w+", text)
    )
    assert {word[:size] for word, size in stems.items()} == set(people)


def test_words_that_begin_alike_are_not_one_name_for_that() -> None:
    """Alma, Almo and Almi are three people."""
    people = [stem + end for stem in ("Alm", "Ber", "Cit", "Dor", "Fan", "Gus") for end in "aoi"]
    rng = random.Random(1)
    texts = [
        f"{when} {person} lives in {town}."
        for person in people
        for town in rng.sample(TOWNS, 3)
        for when in ("once", "then", "now")
    ]
    assert not find_stems(texts, names_in)


def test_few_stems_show_no_ending() -> None:
    few = [t for t in told(ENDINGS) if not re.search("|".join(NAMES[STEMS - 1 :]), t)]
    assert not find_stems(few, names_in)


@pytest.fixture(scope="module")
def symbols() -> Symbols:
    return Symbols(told(ENDINGS))


def test_a_name_is_renamed_alike_in_all_its_forms(symbols: Symbols) -> None:
    text = "we saw Belmoilla come from Essum, and a house of Belmoinen stood in Essum."
    renamed = symbols.rename(text, random.Random(0)).text
    first, second = re.search(r"saw (\w+)illa come .* of (\w+)inen stood", renamed).groups()
    assert first == second and first in set(NAMES) - {"Belmo"}


def test_a_fact_is_one_pair_whatever_the_ending() -> None:
    texts = told(ENDINGS, num_towns=1)
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    found = find_told(rows, Symbols(texts))
    names = {
        name for name, number in found.number.items() for pair in found.pairs if number in pair
    }
    assert {(name,) for name in NAMES} <= names
    assert not any(word.endswith(ENDINGS) for name in names for word in name)


def test_an_ending_belongs_to_its_name(symbols: Symbols) -> None:
    text = "we saw Belmoilla come from Essum."
    (start, end, name), *_ = symbols.runs_at(text)
    assert text[start:end] == "Belmoilla" and name == ("Belmo",)
    assert {text[a:b] for a, b in symbols.words(text)} >= {"Belmo", "illa"}
