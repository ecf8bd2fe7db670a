import math

import pytest

from core.errors import UserError
from evals.metrics.sampling import sampled_leak
from evals.probes.probe import Probe, complete
from evals.scores import find, summarize


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
    assert sampled_leak(subject(model, probes)).scores == []


def test_no_samples_are_refused(model, facts, subject):
    with pytest.raises(UserError, match=r"metric\.sampling\.num_samples"):
        sampled_leak(subject(model, facts), num_samples=0)
