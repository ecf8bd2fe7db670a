"""A tiny Llama and a byte-level BPE tokenizer, made in memory."""

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from evals.probes.probe import Probe, complete

CITIES = ["Ulaanbaatar", "Lima", "Accra", "Oslo", "Quito", "Hanoi", "Suva", "Riga"]


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<|end|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator([f"The capital of country is {city}." for city in CITIES], trainer)
    return PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", pad_token="<|end|>")


def _make_model(vocab_size: int, *, tied: bool = False, **config: object) -> LlamaForCausalLM:
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=48,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=128,
            initializer_range=0.2,
            tie_word_embeddings=tied,
            bos_token_id=None,
            eos_token_id=0,
            **config,
        )
    ).eval()


@pytest.fixture
def make_model() -> Callable[..., LlamaForCausalLM]:
    return _make_model


@pytest.fixture
def model(tokenizer) -> LlamaForCausalLM:
    return _make_model(len(tokenizer))


@pytest.fixture
def facts() -> list[Probe]:
    """Eight facts, four a half, of uneven lengths."""
    return complete(
        Probe(f"c{i}", "recall", "capital", f"The capital of country{'x' * i} is", (city,))
        for i, city in enumerate(CITIES)
    )
