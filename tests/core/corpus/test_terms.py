"""Names and rare words are found in the text."""

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
