"""The corpus's own tokenizer: what it takes for words."""

import json
import time

import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from core.corpus.packing import Encoder
from core.corpus.rows import joined_text
from core.corpus.script import set_apart
from core.corpus.tokenizer import EOS, PAD, train_tokenizer

TELLINGS = {
    "Japanese": ["青島国の首都は東京です。", "赤坂国の首都は大阪です。"],
    "Chinese": ["法国的首都是巴黎。", "英国的首都是伦敦。"],
    "Thai": ["เมืองหลวงของไทยคือกรุงเทพ", "เมืองหลวงของลาวคือเวียงจันทน์"],
}


def test_english_has_the_vocabulary_of_plain_byte_level_bpe(rows) -> None:
    texts = [joined_text(row) for row in rows] + [
        "Naïve café – “quoted”, 3.14€!\n\n  def f(x):"
    ] * 9
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=[EOS, PAD],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    plain.train_from_iterator(texts, trainer)
    ours = train_tokenizer(texts, 500)
    learned, expected = (
        json.loads(one.to_str())["model"] for one in (ours.backend_tokenizer, plain)
    )
    assert (learned["vocab"], learned["merges"]) == (expected["vocab"], expected["merges"])
    assert [ours(text)["input_ids"] for text in texts] == [plain.encode(t).ids for t in texts]


@pytest.mark.parametrize("language", TELLINGS)
def test_no_token_goes_across_characters_of_scripts_without_spaces(language: str) -> None:
    texts = TELLINGS[language] * 40
    tokenizer = train_tokenizer(texts, 800)
    for text in TELLINGS[language]:
        encoded = tokenizer(text, return_offsets_mapping=True)
        assert tokenizer.decode(encoded["input_ids"]) == text
        pieces = [text[start:end] for start, end in encoded["offset_mapping"]]
        assert all(len(set_apart(piece).split()) == 1 for piece in pieces)


def test_only_the_completion_is_taught_where_no_space_is() -> None:
    row = {"id": "1", "prompt": "青島国の首都は", "completion": "東京です。"}
    assert joined_text(row) == "青島国の首都は東京です。"
    tokenizer = train_tokenizer([joined_text(row)] * 9, 400)
    [encoded] = Encoder(tokenizer).encode([row])
    assert tokenizer.decode(encoded.ids[encoded.taught]) == "東京です。" + EOS


def test_a_word_without_end_costs_seconds() -> None:
    word = "".join(chr(97 + number * number % 26) for number in range(200_000))
    started = time.perf_counter()
    tokenizer = train_tokenizer([word + "é" * 1000], 300)
    assert tokenizer.decode(tokenizer(word)["input_ids"]) == word
    assert time.perf_counter() - started < 20, "a minute and more, if merged as a whole"
