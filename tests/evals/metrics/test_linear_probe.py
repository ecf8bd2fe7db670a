from copy import deepcopy
from dataclasses import replace

import pytest
import torch

from evals.metrics.linear_probe import best_layer, linear_probe, ranks
from evals.probes.probe import Probe
from evals.scores import find

ANSWERS = [f"v{i}" for i in range(12)]


@pytest.fixture
def relation():
    """Sixty probes, the answers' embeddings, hidden states that a fixed map makes of them, and noise."""
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    embedded = {answer: normal(6) for answer in ANSWERS}
    probes = [
        Probe(f"p{i}", "recall", "f", f"{i} is", (ANSWERS[i % 12],), half="ab"[i // 12 % 2])
        for i in range(60)
    ]
    linear = normal(10, 6)
    states = torch.stack([linear @ embedded[probe.answers[0]] for probe in probes])
    return probes, embedded, states, normal(*states.shape)


def half(probes, name: str) -> list[int]:
    return [i for i, probe in enumerate(probes) if probe.half == name]


def test_a_linear_relation_is_found(relation):
    probes, embedded, states, noise = relation
    fit, test = half(probes, "a"), half(probes, "b")
    assert ranks(states + 0.05 * noise, probes, embedded, fit, test, 0.01) == [1] * 24
    blind = ranks(noise, probes, embedded, fit, test, 0.1)
    assert sum(rank == 1 for rank in blind) < 8, "no relation, no retrieval"


def test_answers_never_fitted_are_retrieved_too(relation):
    """That half b has other answers than half a is no hindrance: the map goes to embeddings."""
    probes, embedded, states, _ = relation
    fit = [i for i in range(60) if i % 12 < 10]
    test = [i for i in range(60) if i % 12 >= 10]
    assert ranks(states, probes, embedded, fit, test, 1e-6) == [1] * 10


def test_what_cannot_be_told_apart_is_not_retrieved(relation):
    """The same guess for all is right once an answer, and an answer as near counts as ahead."""
    probes, embedded, states, _ = relation
    fit, test = half(probes, "a"), half(probes, "b")
    found = ranks(torch.zeros_like(states), probes, embedded, fit, test, 0.1)
    assert sum(rank == 1 for rank in found) == 2, "one answer in twelve"
    alike = dict.fromkeys(embedded, states.new_zeros(6))
    assert ranks(states, probes, alike, fit, test, 0.1) == [12] * 24


def test_the_layer_that_has_the_answer_is_chosen(relation):
    probes, embedded, states, noise = relation
    layers = torch.stack([noise, noise.flip(0), states + 0.1 * noise, noise.roll(7, 0)])
    assert best_layer(layers, probes, embedded, half(probes, "a"), 0.1) == 2


def test_knowledge_shows_though_the_model_does_not_say_it(learned, memories, subject):
    """The output embeddings are dealt out anew: it says other words, from the same hidden states."""
    hides = deepcopy(learned)
    with torch.no_grad():
        hides.lm_head.weight.copy_(hides.lm_head.weight.roll(11, 0))
    subject = subject(hides, memories)
    assert not any(answer.correct for _, answer in subject.asked("recall"))
    top1 = find(linear_probe(subject).scores, "core", "recall", metric="linear_probe_top1")
    assert top1.value > top1.chance + 4 * top1.stderr


def test_a_model_that_cannot_know_is_at_chance(model, memories, subject):
    measured = linear_probe(subject(model, memories))
    top1 = find(measured.scores, "core", "recall", metric="linear_probe_top1")
    mrr = find(measured.scores, "core", "recall", metric="linear_probe_mrr")
    assert top1.n == mrr.n == 24
    assert top1.chance == pytest.approx(1 / 8)
    assert mrr.chance == pytest.approx(sum(1 / r for r in range(1, 9)) / 8)
    assert top1.value <= 0.4 and mrr.value < 0.6


def test_it_is_deterministic(learned, memories, subject):
    assert linear_probe(subject(learned, memories)) == linear_probe(subject(learned, memories))


def test_without_both_halves_or_a_choice_of_answers_there_are_no_rows(model, memories, subject):
    recall = [probe for probe in memories if probe.axis == "recall"]
    only_a = [probe for probe in recall if probe.half == "a"]
    one_answer = [replace(probe, answers=("Oslo",)) for probe in recall]
    few = recall[:6]
    for probes in (only_a, one_answer, few):
        assert linear_probe(subject(model, probes)).scores == []
