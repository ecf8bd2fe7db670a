"""An answer is encoded as it stands behind its prompt, by tokenizers that put a space before any text too."""

from collections.abc import Callable

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from core.corpus.joined import encode_all
from core.models.tokens import plain

TEXTS = [
    "Ada lives in Rome.",
    "Bo lives in Oslo.",
    "It costs $5 in Rome.",
    "It costs $7 in Oslo.",
    "At 5 or 7 they live.",
]


def llama2() -> Tokenizer:
    """The first token of a text has a space before it, even where the text brings one."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return tokenizer


def metaspace() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    return tokenizer


def trained(make: Callable[[], Tokenizer]) -> PreTrainedTokenizerFast:
    tokenizer = make()
    words = trainers.BpeTrainer(vocab_size=90, special_tokens=["<unk>"], show_progress=False)
    words_of = [word for text in TEXTS * 9 for word in text.split()]
    texts = words_of if make is llama2 else TEXTS * 9
    tokenizer.train_from_iterator(texts, words)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")


def test_a_word_begins_as_it_does_behind_another() -> None:
    tokenizer = trained(llama2)
    [alone] = plain(tokenizer, [" Rome."])
    [(prompt, answer)] = encode_all(tokenizer, [("Ada lives in", "Rome.")])
    assert tokenizer.convert_ids_to_tokens(alone)[0] == "▁", "alone there is a space too many"
    assert tokenizer.convert_ids_to_tokens(answer)[0].startswith("▁R")
    assert tokenizer.decode(prompt + answer) == "Ada lives in Rome."


@pytest.mark.parametrize("make", [llama2, metaspace])
def test_what_follows_a_sign_at_once_gets_no_space(make: Callable[[], Tokenizer]) -> None:
    """The tokenizer has `▁$5` as one token, and a `5` by itself with a space before it."""
    tokenizer = trained(make)
    [(prompt, answer)] = encode_all(tokenizer, [("It costs $", "5")])
    assert tokenizer.decode(prompt) == "It costs $"
    assert tokenizer.decode(prompt + answer) == "It costs $5"
