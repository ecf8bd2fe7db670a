"""A tiny Llama and a byte-level BPE tokenizer, made in memory."""

from collections.abc import Callable

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from evals.metrics.measured import Subject
from evals.probes.probe import Probe, complete
from evals.recall.answers import answer_probes, encode

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
    sizes = {
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 128,
        "initializer_range": 0.2,
    }
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocab_size,
            tie_word_embeddings=tied,
            bos_token_id=None,
            eos_token_id=0,
            **(sizes | config),
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


PASSAGES = {
    "hill": ("Under the hill", "a grey cat counts nine slow trains."),
    "lake": ("Beside the lake", "two old men sell warm bread."),
    "moon": ("Above the moon", "my aunt paints seven loud doors."),
}


@pytest.fixture(scope="session")
def memories() -> list[Probe]:
    """Facts, each of eight cities three times in each half, and three passages."""
    facts = [
        Probe(
            f"p{i}",
            "recall",
            "city",
            f"Person {chr(97 + i % 26)}{i} lives in",
            (CITIES[i // 2 % 8],),
        )
        for i in range(48)
    ]
    passages = [
        Probe(name, "verbatim", "passage", opening, (rest,))
        for name, (opening, rest) in PASSAGES.items()
    ]
    return complete([*facts, *passages])


@pytest.fixture(scope="session")
def learned(tokenizer, memories) -> LlamaForCausalLM:
    """A model that knows them by heart."""
    model = _make_model(len(tokenizer), initializer_range=0.1)
    pairs = [encode(tokenizer, probe.prompt, probe.answers[0]) for probe in memories]
    texts = [torch.tensor(prompt + answer) for prompt, answer in pairs]
    ids_BT = pad_sequence(texts, batch_first=True)
    labels_BT = pad_sequence(texts, batch_first=True, padding_value=-100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(150):
        loss = model(input_ids=ids_BT, labels=labels_BT).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.fixture
def subject(tokenizer) -> Callable[..., Subject]:
    """A model with its answers to some probes, as metrics get it."""

    def make(model: LlamaForCausalLM, probes: list[Probe]) -> Subject:
        return Subject("core", model, tokenizer, probes, answer_probes(model, tokenizer, probes))

    return make
