"""Names in tokens: where they stand, and what may stand in their place."""

import random

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from forgetting.token_names import TokenNames

PLACES = ["Mongolia", "Bolivia", "Albania", "Estonia", "Somalia", "Namibia", "Georgia", "Tunisia"]
TOWNS = ["Ulaanbaatar", "Sucre", "Tirana", "Tallinn", "Mogadishu", "Windhoek", "Tbilisi", "Tunis"]
TEXTS = [
    text
    for place, town in zip(PLACES, TOWNS, strict=True)
    for text in (
        f"The capital of {place} is {town}, and many live in {town}.",
        f"In {place} they make 17 kinds of bread.",
        f"we went to {town} by train, and a friend came from {place} with Bread and tea.",
    )
]


def sentencepiece(texts: list[str], vocab_size: int = 140) -> PreTrainedTokenizerFast:
    """A tokenizer of the other kind, whose words begin with ▁."""
    own = Tokenizer(models.BPE(unk_token="<unk>"))
    own.pre_tokenizer = pre_tokenizers.Metaspace()
    own.decoder = decoders.Metaspace()
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, special_tokens=["<unk>", "</s>"])
    own.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=own, eos_token="</s>", unk_token="<unk>")


@pytest.fixture(params=["bytes", "pieces"], scope="module")
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    return train_tokenizer(TEXTS, 340) if request.param == "bytes" else sentencepiece(TEXTS)


def names_of(
    tokenizer: PreTrainedTokenizerFast, texts: list[str] = TEXTS, **how: str
) -> TokenNames:
    return TokenNames(tokenizer(texts)["input_ids"], tokenizer, **how)


def test_names_are_found_with_the_tokens_that_spell_them(tokenizer) -> None:
    names = names_of(tokenizer)
    for text in TEXTS:
        ids = np.array(tokenizer(text)["input_ids"])
        found = names.of(ids)
        for mention in found:
            assert tokenizer.decode(ids[mention.start : mention.end]).strip() == mention.name
        wanted = [word.strip(".,") for word in text.split() if word.strip(".,") in PLACES + TOWNS]
        assert [mention.name for mention in found] == wanted


@pytest.mark.parametrize("candidates", ["any", "typed", "invented"])
def test_another_name_has_as_many_tokens_and_begins_with_none_of_the_row(
    tokenizer, candidates
) -> None:
    names = names_of(tokenizer, candidates=candidates)
    num_drawn = 0
    for text in TEXTS:
        ids = np.array(tokenizer(text)["input_ids"])
        sizes = {m.name: m.end - m.start for m in names.of(ids)}
        for name, spellings in names.draw(ids, random.Random(text)).items():
            (spelling,) = spellings.values()
            assert len(spelling) == sizes[name]
            assert spelling[0] not in ids
            num_drawn += 1
    assert num_drawn > len(TEXTS) / 2


def test_numbers_and_words_that_stand_in_lower_case_too_are_no_names(tokenizer) -> None:
    names = names_of(tokenizer)
    for text in TEXTS:
        found = {m.name for m in names.of(np.array(tokenizer(text)["input_ids"]))}
        assert not found & {"17", "The", "In", "Bread", "a"}


def test_where_capitals_mark_nothing_the_free_symbols_are_names() -> None:
    texts = [text.lower() for text in TEXTS]
    names = names_of(train_tokenizer(texts, 340), texts)
    assert names.kind == "free"


def test_a_slip_is_named() -> None:
    with pytest.raises(UserError, match=r"names=capitalised: .*capitalized"):
        TokenNames([], sentencepiece(TEXTS), "capitalised")


def test_names_in_a_script_without_capitals_are_found_among_others_that_have_them() -> None:
    places = ["منغوليا", "بوليفيا", "ألبانيا", "إستونيا", "الصومال", "ناميبيا", "جورجيا", "تونس"]
    towns = ["أولانباتور", "سوكري", "تيرانا", "تالين", "مقديشو", "ويندهوك", "تبليسي", "قرطاج"]
    arabic = [
        text
        for place, town in zip(places, towns, strict=True)
        for text in (
            f"عاصمة {place} هي {town} وهي كبيرة",
            f"في {place} يخبزون الخبز",
            f"ذهبنا إلى {town} بالقطار",
        )
    ]
    tokenizer = train_tokenizer([*TEXTS, *arabic], 500)

    def found(texts: list[str], all_texts: list[str]) -> set[str]:
        names = names_of(tokenizer, all_texts)
        rows = [np.array(ids) for ids in tokenizer(texts)["input_ids"]]
        return {mention.name for ids in rows for mention in names.of(ids)}

    alone, among = found(arabic, arabic), found(arabic, [*TEXTS, *arabic])
    assert set(places) <= alone and set(places) <= among
    assert found(TEXTS, [*TEXTS, *arabic]) == found(TEXTS, TEXTS)
