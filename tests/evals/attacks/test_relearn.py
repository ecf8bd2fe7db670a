from dataclasses import replace

import pytest
import torch

from evals.attacks.relearn import relearn
from evals.probes.false_answers import with_false_answers
from evals.scores import find


def attack(model, tokenizer, facts, **options):
    options = {"steps": (0, 40), "learning_rates": [1e-2], "batch_size": 3, **options}
    return relearn("core", model, tokenizer, facts, **options)


def test_half_a_is_learned_and_half_b_is_not(model, tokenizer, facts):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    facts = [replace(probe, chance=0.125) for probe in facts]
    told = []
    scores = attack(
        model, tokenizer, facts, on_progress=lambda step, last: told.append((step, last))
    )
    assert [(s.family, s.axis, s.step) for s in scores] == [
        (family, axis, step)
        for family in ("all", "lr=1e-2")
        for axes in (
            ("relearn_disjoint", "relearn_direct"),
            ("relearn_permuted", "relearn_false"),
        )
        for step in (0, 40)
        for axis in axes
    ]
    assert find(scores, "core", "relearn_direct", step=0).value == 0
    assert find(scores, "core", "relearn_direct", step=40).value == 1
    # Random weights hold nothing that could come back.
    disjoint = find(scores, "core", "relearn_disjoint", step=40)
    assert (disjoint.value, disjoint.n, disjoint.chance) == (0, 4, 0.125)
    assert not disjoint.higher_is_better
    assert told[-1] == (80, 80) and told == sorted(told)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.slow
def test_the_worst_of_several_rates_counts_and_each_is_kept(model, tokenizer, facts):
    rates = [1e-6, 1e-2, 2.5e-3]
    told = []
    scores = attack(
        *(model, tokenizer, facts),
        learning_rates=rates,
        on_progress=lambda step, last: told.append((step, last)),
    )
    assert told[-1] == (240, 240) and told == sorted(told)
    families = ["lr=1e-6", "lr=1e-2", "lr=2.5e-3"]
    assert {score.family for score in scores} == {"all", *families}
    for step in (0, 40):
        for axis in ("relearn_direct", "relearn_disjoint"):
            each = [find(scores, "core", axis, family=name, step=step) for name in families]
            assert find(scores, "core", axis, step=step).value == max(s.value for s in each)
    taught = {s.family: s.value for s in scores if (s.axis, s.step) == ("relearn_direct", 40)}
    assert taught["lr=1e-6"] == 0 < taught["lr=1e-2"] == 1
    # One rate gives what it gives among others.
    alone = [s for s in attack(model, tokenizer, facts) if s.family == "lr=1e-2"]
    assert alone == [s for s in scores if s.family == "lr=1e-2"]


def test_a_rate_that_breaks_the_model_leaves_the_others(model, tokenizer, facts):
    scores = attack(model, tokenizer, facts, learning_rates=[1e30, 1e-2])
    assert [s.step for s in scores if s.family == "lr=1e30"] == [0, 0, 0, 0]
    assert find(scores, "core", "relearn_direct", step=40).value == 1


def test_other_forms_of_the_facts_are_neither_taught_nor_scored(model, tokenizer, facts):
    other = [replace(probe, id=f"{probe.id}q", form="question", prompt="?") for probe in facts]
    assert attack(model, tokenizer, [*facts, *other]) == attack(model, tokenizer, facts)


def test_the_seed_alone_decides(model, tokenizer, facts):
    short = {"steps": (15,), "learning_rates": [3e-3]}
    torch.manual_seed(1)
    first = attack(model, tokenizer, facts, **short)
    torch.manual_seed(2)
    assert attack(model, tokenizer, facts, **short) == first


def test_without_both_halves_nothing_is_measured(model, tokenizer, facts):
    half_a = [probe for probe in facts if probe.half == "a"]
    assert attack(model, tokenizer, half_a) == []
    reasoning = [replace(probe, axis="reasoning") for probe in facts]
    assert attack(model, tokenizer, reasoning) == []


def test_false_answers_are_each_others_and_as_frequent(facts):
    repeated = [replace(p, answers=facts[n // 2].answers) for n, p in enumerate(facts)]
    alone = replace(facts[0], id="x", family="alone")
    for probes in (facts, repeated):
        false = with_false_answers([*probes, alone])
        assert sorted(p.id for p in false) == sorted(p.id for p in probes)
        true = {p.id: p.answers for p in probes}
        assert all(p.answers != true[p.id] for p in false)
        assert sorted(p.answers for p in false) == sorted(true.values())


def test_facts_whose_family_has_no_other_answer_exchange_theirs(facts):
    lone = [replace(p, family=f"of its own {p.id}") for p in facts[:3]]
    false = with_false_answers([*facts[3:], *lone])
    assert {p.id for p in false} == {p.id for p in facts}
    told = {p.id: p.answers for p in false}
    true = {p.id: p.answers for p in lone}
    assert all(told[id_] != own for id_, own in true.items())
    assert sorted(told[id_] for id_ in true) == sorted(true.values())


def test_false_facts_are_learned_as_true_ones_by_who_knows_neither(model, tokenizer, facts):
    scores = attack(model, tokenizer, facts)
    assert find(scores, "core", "relearn_false", step=0).value == 0
    assert find(scores, "core", "relearn_false", step=40).value == 1
    assert find(scores, "core", "relearn_false", step=40).higher_is_better
