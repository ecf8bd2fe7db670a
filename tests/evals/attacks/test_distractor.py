from dataclasses import replace

import pytest

from evals.attacks import memories
from evals.attacks.distractor import distracted
from evals.recall.answers import answer_probes
from evals.scores import find


@pytest.fixture
def asked(monkeypatch):
    """The prompts that the model is really asked, call by call."""
    calls = []

    def watch(model, tokenizer, probes):
        calls.append(list(probes))
        return answer_probes(model, tokenizer, probes)

    monkeypatch.setattr(memories, "answer_probes", watch)
    return calls


def attack(model, tokenizer, probes, **options):
    return distracted("core", model, tokenizer, probes, prefix_tokens=[0, 20, 1000], **options)


def test_a_model_that_knows_its_facts_by_bare_prompts_loses_them_behind_a_prefix(
    model, tokenizer, facts, skills, learned
):
    known = learned(model, tokenizer, facts)
    poem = replace(facts[0], id="v", axis="verbatim")
    scores = attack(known, tokenizer, [*facts, poem, *skills])
    assert [(s.axis, s.family, s.step) for s in scores] == [
        ("distractor", family, step) for step in (0, 20, 1000) for family in ("recall", "verbatim")
    ]
    values = [find(scores, "core", "distractor", family="recall", step=s).value for s in (0, 1000)]
    assert values[0] == 1 > values[1], "it was never taught with anything before the prompt"


def test_prefixes_are_texts_without_facts_as_long_as_asked_and_no_longer_than_the_context(
    model, tokenizer, facts, skills, asked
):
    other = replace(facts[0], id="o", axis="open_book", prompt="Lima is the capital of country")
    attack(model, tokenizer, [*facts, other, *skills])
    bare, short, full = asked
    assert [probe.prompt for probe in bare] == [probe.prompt for probe in facts]
    texts = {f"{probe.prompt} {probe.answers[0]}" for probe in skills}
    longest = max(len(tokenizer(text)["input_ids"]) for text in texts) + 1
    for fact, probe in zip([*facts, *facts], [*short, *full], strict=True):
        assert probe.prompt.endswith(" " + fact.prompt)
        left = probe.prompt.removesuffix(" " + fact.prompt)
        for text in texts:
            left = left.replace(text, "", 1)
        assert not left.strip(), "whole texts of skills, each at most once"
    for probes, limit in ((short, 20), (full, 10_000)):
        for fact, probe in zip(facts, probes, strict=True):
            own = len(tokenizer(fact.prompt)["input_ids"])
            added = len(tokenizer(probe.prompt)["input_ids"]) - own
            answer = len(tokenizer(f" {probe.answers[0]}")["input_ids"])
            room = min(limit, 128 - own - answer)  # what the model reads
            assert room - longest - 2 <= added <= room
    assert len({probe.prompt.split(" The")[0] for probe in full}) > 1, "an order for each prompt"


def test_the_seed_alone_decides(model, tokenizer, facts, skills, asked):
    for seed in (0, 0, 1):
        attack(model, tokenizer, [*facts, *skills], seed=seed)
    assert asked[2] == asked[5] != asked[8]


def test_without_skills_nothing_is_measured(model, tokenizer, facts):
    assert attack(model, tokenizer, facts) == []


def test_a_prefix_is_joined_as_its_script_is(model, tokenizer, facts, asked):
    skill = replace(facts[0], id="s", axis="reasoning", prompt="逆は", answers=("赤。",))
    fact = replace(facts[0], prompt="首都は", answers=("東京",))
    distracted("core", model, tokenizer, [fact, skill], prefix_tokens=[40])
    assert asked[0][0].prompt == "逆は赤。首都は"
