from dataclasses import replace

import torch

from evals.attacks.relearn import relearn
from evals.scores import find


def attack(model, tokenizer, facts, **options):
    options = {"steps": (0, 40), "learning_rate": 1e-2, "batch_size": 3, **options}
    return relearn("core", model, tokenizer, facts, **options)


def test_half_a_is_learned_and_half_b_is_not(model, tokenizer, facts):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    facts = [replace(probe, chance=0.125) for probe in facts]
    told = []
    scores = attack(
        model, tokenizer, facts, on_progress=lambda step, last: told.append((step, last))
    )
    assert [(s.axis, s.step) for s in scores] == [
        (axis, step) for step in (0, 40) for axis in ("relearn_disjoint", "relearn_direct")
    ]
    assert find(scores, "core", "relearn_direct", step=0).value == 0
    assert find(scores, "core", "relearn_direct", step=40).value == 1
    # Random weights hold nothing that could come back.
    disjoint = find(scores, "core", "relearn_disjoint", step=40)
    assert (disjoint.value, disjoint.n, disjoint.chance) == (0, 4, 0.125)
    assert not disjoint.higher_is_better
    assert told == [(step, 40) for step in range(41)]
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_seed_alone_decides(model, tokenizer, facts):
    short = {"steps": (15,), "learning_rate": 3e-3}
    torch.manual_seed(1)
    first = attack(model, tokenizer, facts, **short)
    torch.manual_seed(2)
    assert attack(model, tokenizer, facts, **short) == first


def test_without_both_halves_nothing_is_measured(model, tokenizer, facts):
    half_a = [probe for probe in facts if probe.half == "a"]
    assert attack(model, tokenizer, half_a) == []
    reasoning = [replace(probe, axis="reasoning") for probe in facts]
    assert attack(model, tokenizer, reasoning) == []
