"""Names and rare words are found in the text."""

from itertools import cycle, pairwise

import pytest

from core.corpus.terms import Terms

TEXTS = {
    "Ada Bell lives in Rome. The old town is near.": 20,
    "The town of Rome is old.": 40,
    "However, the town is near the sea.": 30,
    "Ask Ada Bell about the krypton lamp.": 2,
    "the river is long, however cold.": 40,
}


@pytest.fixture
def terms() -> Terms:
    return Terms(TEXTS)


def test_names_are_runs_of_capitalised_words(terms: Terms) -> None:
    assert terms.names("Ada Bell lives in Rome.") == {"Ada Bell", "Rome"}
    assert terms.names("Rome. Ada Bell") == {"Rome", "Ada Bell"}, "runs end at punctuation"
    assert terms.names("Unheard of Nobody") == set()


def test_words_that_only_begin_a_sentence_are_no_names(terms: Terms) -> None:
    assert terms.names("The town. However, Ada Bell") == {"Ada Bell"}


def test_rare_words_are_in_few_rows_and_not_in_few_texts(terms: Terms) -> None:
    assert terms.rare_words("The krypton lamp of Rome") == {"krypton", "lamp"}
    assert terms.all("The krypton lamp of Rome") == {"krypton", "lamp", "Rome"}


@pytest.mark.parametrize(
    ("letters", "values", "tellings"),
    [
        (
            *("石川山田木森林金水火土月", "東西南北春夏秋冬朝昼夕夜"),
            ("{name}国の首都は{value}である。", "{value}という町は{name}国にある。"),
        ),
        (
            *("จฉชซฌญฎฏฐฑฒณ", "บปผฝพฟภมยรลว"),
            ("เมืองหลวงของ{name}กคือ{value}", "ที่{value}มีสภาของ{name}ก"),
        ),
        (
            *("कखगघचछजझटठडढ", "तथदधनपफबभमयर"),
            ("{name}ि की राजधानी {value}ी है।", "{value}ी शहर {name}ि में है।"),
        ),
    ],
)
def test_what_tells_of_one_thing_shares_a_rare_word_in_each_script(
    letters: str, values: str, tellings: tuple[str, str]
) -> None:
    """And of another thing none, but those of a value that both have."""
    names = [f"{a}{b}" for a in letters for b in letters[:6] if a != b]
    value = {name: f"{a}{b}" for name, a, b in zip(names, cycle(values), values[5] * 99)}
    told = [[t.format(name=name, value=value[name]) for t in tellings] for name in names]
    terms = Terms({text: 1 for texts in told for text in texts})
    for (one, other), (next_one, _) in pairwise(told):
        shared = terms.rare_words(one) & terms.rare_words(other)
        assert shared and not shared & terms.rare_words(next_one)
        assert one not in shared and max(map(len, shared)) <= 4, "words, not clauses"
