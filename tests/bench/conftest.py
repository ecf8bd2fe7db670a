"""Benchmarks write every figure to runs/bench/results.json; `make bench` runs them."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import LlamaConfig, PreTrainedModel

from core.models.loading import new_model

RESULTS = Path("runs/bench/results.json")


@pytest.fixture
def record() -> Callable[..., None]:
    """Keep a figure: record("name", value, "unit", n=repetitions)."""

    def keep(name: str, value: float, unit: str, *, n: int) -> None:
        RESULTS.parent.mkdir(parents=True, exist_ok=True)
        known = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        known[name] = {"value": round(value, 4), "unit": unit, "n": n}
        RESULTS.write_text(json.dumps(known, indent=1) + "\n")
        print(f"\n{name}: {value:.3f} {unit} (n = {n})")

    return keep


MakeDemoLlama = Callable[..., PreTrainedModel]


@pytest.fixture(scope="session")
def make_demo_llama() -> MakeDemoLlama:
    """An untrained model of the demo's size, but for its vocabulary."""

    def make(vocab_size: int, seed: int = 0) -> PreTrainedModel:
        config = LlamaConfig(
            vocab_size=vocab_size,
            hidden_size=128,
            num_hidden_layers=4,
            num_attention_heads=2,
            intermediate_size=384,
            max_position_embeddings=512,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=1,
        )
        return new_model(config, seed).eval()

    return make
