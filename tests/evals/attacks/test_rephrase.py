from dataclasses import replace

from evals.attacks.rephrase import rephrased
from evals.scores import find


def test_each_form_is_scored_by_itself(model, tokenizer, facts, learned):
    cities = tuple(probe.answers[0] for probe in facts)
    questions = [
        replace(p, id=f"q{p.id}", form="question", prompt=f"{p.prompt[4:-3]}?") for p in facts
    ]
    choices = [
        replace(p, id=f"k{p.id}", form="choice", choices=cities, chance=0.125) for p in facts
    ]
    known = learned(model, tokenizer, facts)
    told = []
    scores = rephrased(
        *("core", known, tokenizer, [*facts, *questions, *choices]),
        on_progress=lambda done, total: told.append((done, total)),
    )
    assert [(s.axis, s.family, s.n) for s in scores] == [
        ("rephrase", "choice", 8),
        ("rephrase", "question", 8),
    ]
    assert told == [(1, 2), (2, 2)]
    choice = find(scores, "core", "rephrase", family="choice")
    assert (choice.value, choice.chance, choice.higher_is_better) == (1, 0.125, False)
    assert find(scores, "core", "rephrase", family="question").value < 1
    assert rephrased("core", known, tokenizer, facts) == []
