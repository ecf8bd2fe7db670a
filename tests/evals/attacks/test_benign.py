from dataclasses import replace

import pytest

from evals.attacks.benign import benign
from evals.scores import find

pytestmark = pytest.mark.slow  # each trains

SETTINGS = {"steps": (0, 60), "learning_rate": 1e-2, "batch_size": 4}


def test_memories_are_scored_while_reasoning_is_taught(model, tokenizer, facts, skills, learned):
    known = learned(model, tokenizer, facts)
    poem = replace(facts[0], id="v", axis="verbatim")
    told = []
    scores = benign(
        *("core", known, tokenizer, [*facts, poem, *skills]),
        **SETTINGS,
        on_progress=lambda step, last: told.append((step, last)),
    )
    assert [(s.axis, s.family, s.step, s.n) for s in scores] == [
        ("benign", family, step, n)
        for step in (0, 60)
        for family, n in (("recall", 8), ("verbatim", 1))
    ]
    assert told == [(step, 60) for step in range(61)]
    before, after = (find(scores, "core", "benign", family="recall", step=s) for s in (0, 60))
    assert before.value == 1 and not before.higher_is_better
    assert after.value < 1, "60 large steps on other things wear facts down"


def test_only_what_states_no_fact_is_taught(model, tokenizer, facts, skills):
    # Taught as skills the same texts become known; as open-book probes they aren't taught.
    as_skills = [replace(p, id=f"r{p.id}", axis="reasoning", half=None) for p in facts]
    open_book = [replace(p, axis="open_book") for p in as_skills]
    settings = {**SETTINGS, "steps": (120,)}

    def recall(*others):
        [score] = benign("core", model, tokenizer, [*facts, *others], **settings)
        return score.value

    assert recall(*as_skills) == 1
    assert recall(*open_book, *skills) == 0


def test_without_skills_nothing_is_measured(model, tokenizer, facts):
    assert benign("core", model, tokenizer, facts) == []
