import math
from dataclasses import replace

import pytest

from evals.metrics.measured import Subject
from evals.metrics.stored_bits import stored_bits
from evals.probes.answer import Answer
from evals.probes.probe import Probe, complete

VALUES = ["red"] * 12 + ["blue"] * 6 + ["green"] * 6
ENTROPY = 0.5 * 1 + 2 * 0.25 * 2


def bits(model, tokenizer, believed: dict[str, float], probes: list[Probe]):
    """The score of one who gives each value that probability, whatever the question."""
    answers = [
        Answer(p.id, False, "", math.log(max(believed[a] for a in p.answers)), 1) for p in probes
    ]
    return stored_bits(Subject("core", model, tokenizer, probes, answers))


@pytest.fixture
def probes() -> list[Probe]:
    return complete(
        Probe(f"c{i}", "recall", "colour", f"Thing {i} is", (value,))
        for i, value in enumerate(VALUES)
    )


def test_a_guesser_by_the_base_rates_has_stored_nothing(model, tokenizer, probes):
    rates = {"red": 0.5, "blue": 0.25, "green": 0.25}
    measured = bits(model, tokenizer, rates, probes)
    assert measured.scores[0].value == pytest.approx(0, abs=1e-9)
    assert measured.scores[0].chance == 0
    assert all(v["stored_bits"] == pytest.approx(0, abs=1e-9) for v in measured.values.values())


def test_one_who_knows_has_stored_the_familys_entropy(model, tokenizer, probes):
    sure = bits(model, tokenizer, dict.fromkeys(("red", "blue", "green"), 1.0), probes)
    assert sure.scores[0].value == pytest.approx(ENTROPY)
    assert sure.values["c0"]["stored_bits"] == pytest.approx(1)
    assert sure.values["c23"]["stored_bits"] == pytest.approx(2)


def test_any_other_guess_is_worse_than_the_base_rates(model, tokenizer, probes):
    guess = {"red": 0.2, "blue": 0.4, "green": 0.4}
    divergence = 0.5 * math.log2(0.5 / 0.2) + 2 * 0.25 * math.log2(0.25 / 0.4)
    assert bits(model, tokenizer, guess, probes).scores[0].value == pytest.approx(-divergence)


def test_several_right_answers_are_as_easy_to_guess(model, tokenizer, probes):
    both = [
        replace(p, answers=("red", p.answers[0])) if i > 17 else p for i, p in enumerate(probes)
    ]
    rates = {"red": 18 / 24, "blue": 0.25, "green": 0.25}
    assert bits(model, tokenizer, rates, both).scores[0].value == pytest.approx(0, abs=1e-9)


def test_a_small_family_has_no_base_rate_and_no_rows(model, tokenizer, probes):
    rates = {"red": 0.5, "blue": 0.25, "green": 0.25}
    assert bits(model, tokenizer, rates, probes[:19]).scores == []


def test_a_model_that_learned_the_facts_has_stored_them(learned, model, memories, subject):
    by_heart = stored_bits(subject(learned, memories)).scores
    assert {score.axis for score in by_heart} == {"recall"}
    assert by_heart[0].value == pytest.approx(3, abs=0.3), "eight cities, equally often"
    assert stored_bits(subject(model, memories)).scores[0].value < 0
