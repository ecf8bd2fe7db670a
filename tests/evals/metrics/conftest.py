import pytest
import torch

from evals.probes.probe import Probe, complete


@pytest.fixture
def likely(tokenizer, make_model):
    """A model to which some short answers are likely and others aren't, with such probes."""
    model = make_model(len(tokenizer), initializer_range=0.3)
    prompts = [f"The capital of country {letter} is" for letter in "abcdefghijklmnop"]
    probes = []
    with torch.no_grad():
        model.lm_head.weight *= 1.5
        spaced = [i for t, i in tokenizer.get_vocab().items() if t.startswith("Ġ") and len(t) > 1]
        for number, prompt in enumerate(prompts):
            logits_V = model(torch.tensor([tokenizer(prompt)["input_ids"]])).logits[0, -1]
            ranked = sorted(spaced, key=lambda i: -logits_V[i].item())
            answer = tokenizer.decode([ranked[number % 5]])[1:]
            probes.append(Probe(f"l{number}", "recall", "capital", prompt, (answer,)))
    return model, complete(probes)
