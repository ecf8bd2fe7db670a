"""The tokenizer in a GGUF file splits text as the checkpoint's own does, or isn't written."""

import copy
import json

import pytest
from tokenizers import Regex, Tokenizer, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from core.export.gguf_tokenizer import (
    CONTROL,
    NORMAL,
    QWEN2,
    UNUSED,
    pre_tokenizer,
    starts_with_bos,
    tokenizer_problems,
    vocabulary,
)


@pytest.fixture
def split_by(toy_tokenizer):
    """The toy tokenizer behind another way to split."""

    def make(pattern: str) -> PreTrainedTokenizerFast:
        backend = Tokenizer.from_str(toy_tokenizer.backend_tokenizer.to_str())
        backend.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Split(Regex(pattern), behavior="isolated"),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        )
        return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="<|endoftext|>")

    return make


def test_a_token_beyond_the_rows_is_left_out(toy_tokenizer) -> None:
    padded = copy.deepcopy(toy_tokenizer)
    padded.add_special_tokens({"pad_token": "[PAD]"})
    assert vocabulary(padded, 320) == vocabulary(toy_tokenizer, 320)


def test_so_is_one_that_the_merges_vocabulary_has_too(toy_tokenizer) -> None:
    spec = json.loads(toy_tokenizer.backend_tokenizer.to_str())
    spec["model"]["vocab"]["[PAD]"] = len(toy_tokenizer)
    backend = Tokenizer.from_str(json.dumps(spec))
    padded = PreTrainedTokenizerFast(tokenizer_object=backend, pad_token="[PAD]")
    assert len(padded) == len(toy_tokenizer) + 1
    assert vocabulary(padded, 320) == vocabulary(toy_tokenizer, 320)


def test_the_product_s_own_tokenizer_is_one_that_llama_cpp_knows(toy_tokenizer) -> None:
    assert pre_tokenizer(toy_tokenizer) == "gpt-2"
    assert list(tokenizer_problems(toy_tokenizer, ["Ada lives in"])) == []
    assert not starts_with_bos(toy_tokenizer)


def test_another_way_to_split_is_found_by_what_it_does(rows) -> None:
    from tokenizers import decoders, models, trainers

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    texts = ["1234 5678 1234", "(red (red\n\n end\n\n", *(str(row) for row in rows)]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    assert pre_tokenizer(tokenizer, ["(red\n\n"]) == "qwen2"


def test_a_way_to_split_that_nobody_knows_is_told(split_by) -> None:
    [line] = tokenizer_problems(split_by("[aeiou]"), ["Ada lives in Oslo"])
    assert "llama.cpp doesn't know" in line


def test_rows_without_a_token_are_unused(toy_tokenizer) -> None:
    found = vocabulary(toy_tokenizer, len(toy_tokenizer) + 2)
    assert found.tokens[:2] == ["<|endoftext|>", "<|pad|>"]
    assert found.types[:3] == [CONTROL, CONTROL, NORMAL]
    assert found.types[-2:] == [UNUSED, UNUSED]
    assert len(set(found.tokens)) == len(found.tokens)
    assert all(len(merge.split(" ")) == 2 for merge in found.merges)
