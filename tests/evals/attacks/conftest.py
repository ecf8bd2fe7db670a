"""A tiny model that has learned facts by heart, and what it takes to teach it."""

import pytest
import torch

from evals.attacks.finetune import fine_tuned, text_of
from evals.probes.probe import Probe, complete


@pytest.fixture(scope="session")
def learned():
    """A copy of the model, taught the texts of the probes until it knows them."""

    def teach(model, tokenizer, probes, num_steps=120):
        texts = [text_of(tokenizer, probe) for probe in probes]
        settings = {"learning_rate": 1e-2, "batch_size": 16, "seed": 0}
        [(_, taught)] = fine_tuned(model, texts, steps=[num_steps], **settings)
        return taught.requires_grad_(False)

    return teach


@pytest.fixture
def skills() -> list[Probe]:
    """Tasks about letters: nothing in them is a fact."""
    letters = "abcdefghijkl"
    return complete(
        Probe(f"s{i}", "reasoning", "swap", f"Swap: {a} {b} =>", (f"{b} {a}",))
        for i, (a, b) in enumerate(zip(letters, letters[3:], strict=False))
    )


@pytest.fixture(autouse=True)
def _one_global_seed():
    torch.manual_seed(0)
