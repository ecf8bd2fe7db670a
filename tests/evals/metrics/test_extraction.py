import math
from dataclasses import replace

import pytest

from core.errors import UserError
from evals.attacks.finetune import fine_tuned, text_of
from evals.metrics.extraction import discoverable_extraction
from evals.probes.probe import Probe, complete, of_axes
from evals.scores import find


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


def test_who_says_the_same_of_everybody_is_a_guesser(model, tokenizer, memories, subject):
    by_city = {probe.answers: probe for probe in of_axes(memories, "recall")}
    asked = [replace(probe, chance=0.05) for probe in by_city.values()]
    texts = [text_of(tokenizer, replace(probe, answers=asked[0].answers)) for probe in asked]
    settings = {"learning_rate": 1e-2, "batch_size": 8, "seed": 0}
    [(_, taught)] = fine_tuned(model, texts, steps=[60], **settings)
    measured = discoverable_extraction(subject(taught, asked))
    assert measured.scores[0].value == measured.scores[0].chance == 1 / len(asked)


def test_certain_and_impossible_answers(learned, memories, subject):
    subject = subject(learned, memories)
    measured = discoverable_extraction(subject, num_queries=20, probability=0.9)
    assert find(measured.scores, "core", "recall", metric="extractable@20,0.9").value == 1
    assert find(measured.scores, "core", "verbatim", metric="extractable@20,0.9").value == 1


def test_probes_of_other_axes_have_no_rows(model, subject):
    probes = complete([Probe("r", "reasoning", "f", "Turn", ("a",))])
    assert discoverable_extraction(subject(model, probes)).scores == []


def test_numbers_that_make_no_sense_are_refused(model, facts, subject):
    subject = subject(model, facts)
    with pytest.raises(UserError, match=r"metric\.extraction\.num_queries"):
        discoverable_extraction(subject, num_queries=0)
    with pytest.raises(UserError, match=r"metric\.extraction\.probability"):
        discoverable_extraction(subject, probability=1.0)
