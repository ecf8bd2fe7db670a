import math

import pytest
import torch

from core.errors import UserError
from evals.probes.probe import Probe, complete
from evals.recall.extraction import discoverable_extraction, sampled_leak
from evals.scores import find, summarize


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


def test_extractable_where_enough_samples_hold_the_answer(likely, subject):
    subject = subject(*likely)
    for n, p in ((1, 0.5), (20, 0.5), (20, 0.9), (1000, 0.99)):
        measured = discoverable_extraction(subject, num_queries=n, probability=p)
        for probe, answer in subject.asked("recall"):
            needed = math.log(1 - p) / math.log1p(-math.exp(answer.logprob))
            assert measured.values[probe.id][f"extractable@{n},{p:g}"] == float(needed <= n)
    assert measured.scores[0].value > 0, "some are"


def test_a_guesser_is_told_by_its_chance(model, subject):
    probes = [
        Probe("often", "recall", "f", "The", ("Oslo",), chance=0.225),
        Probe("rarely", "recall", "f", "The", ("Lima",), chance=0.05),
    ]
    measured = discoverable_extraction(subject(model, probes), num_queries=20, probability=0.9)
    # A value right every fifth time is in twenty samples almost for sure, one in twenty isn't.
    assert measured.scores[0].chance == 0.5


def test_certain_and_impossible_answers(learned, memories, subject):
    subject = subject(learned, memories)
    measured = discoverable_extraction(subject, num_queries=20, probability=0.9)
    assert find(measured.scores, "core", "recall", metric="extractable@20,0.9").value == 1
    assert find(measured.scores, "core", "verbatim", metric="extractable@20,0.9").value == 1


def test_real_samples_leak_what_the_likelihood_says(likely, subject):
    subject = subject(*likely)
    computed = find(
        summarize("core", subject.probes, subject.answers), "core", "recall", metric="leak@20"
    )
    runs = [sampled_leak(subject, num_samples=20, seed=seed) for seed in range(40)]
    drawn = [find(run.scores, "core", "recall", metric="sampled_leak@20").value for run in runs]
    leaks = [1 - (1 - math.exp(a.logprob)) ** 20 for a in subject.answers]
    assert 0.1 < computed.value < 0.9, "neither nothing nor everything leaks"
    error = math.sqrt(sum(p * (1 - p) for p in leaks) / len(runs)) / len(leaks)
    assert sum(drawn) / len(runs) == pytest.approx(computed.value, abs=4 * error)


def test_the_seed_decides_the_samples(likely, subject):
    subject = subject(*likely)
    assert sampled_leak(subject, seed=1) == sampled_leak(subject, seed=1)
    assert any(
        sampled_leak(subject, seed=s).values != sampled_leak(subject, seed=1).values
        for s in range(2, 6)
    )


def test_any_right_answer_among_the_samples_counts(learned, memories, subject, tokenizer):
    other = Probe("two", "recall", "city", memories[0].prompt, ("Nowhere", memories[0].answers[0]))
    measured = sampled_leak(subject(learned, complete([other])), num_samples=20)
    assert measured.values["two"] == {"sampled_leak@20": 1.0}


def test_probes_of_other_axes_have_no_rows(model, subject):
    probes = complete([Probe("r", "reasoning", "f", "Turn", ("a",))])
    for metric in (discoverable_extraction, sampled_leak):
        assert metric(subject(model, probes)).scores == []


def test_numbers_that_make_no_sense_are_refused(model, facts, subject):
    subject = subject(model, facts)
    with pytest.raises(UserError, match="num_queries"):
        discoverable_extraction(subject, num_queries=0)
    with pytest.raises(UserError, match="probability"):
        discoverable_extraction(subject, probability=1.0)
    with pytest.raises(UserError, match="num_samples"):
        sampled_leak(subject, num_samples=0)
