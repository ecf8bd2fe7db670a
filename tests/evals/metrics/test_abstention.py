"""Right, wrong and abstained are told apart."""

from dataclasses import replace

import pytest

from core.arms.refuser import ANSWER
from evals.attacks.finetune import fine_tuned, text_of
from evals.metrics.abstention import abstention, says_nothing
from evals.probes.probe import Probe
from evals.scores import find, summarize


def test_they_make_up_the_whole(make_model, tokenizer, facts: list[Probe], subject) -> None:
    """A model that was taught three facts, two false ones, and to refuse three."""
    said = [p.answers[0] for p in facts[:3]] + ["Lima", "Lima"] + 3 * [ANSWER]
    taught = [replace(p, answers=(text,)) for p, text in zip(facts, said, strict=True)]
    texts = [text_of(tokenizer, probe) for probe in taught]
    settings = {"learning_rate": 1e-2, "batch_size": 8, "seed": 0}
    [(_, model)] = fine_tuned(make_model(len(tokenizer)), texts, steps=[80], **settings)
    asked = subject(model, facts)
    measured = abstention(asked)
    scores = [*measured.scores, *summarize("core", facts, asked.answers)]
    shares = {
        metric: find(scores, "core", "recall", metric=metric).value
        for metric in ("accuracy", "wrong", "abstained")
    }
    assert shares == {"accuracy": 3 / 8, "wrong": 2 / 8, "abstained": 3 / 8}
    assert measured.values[facts[-1].id] == {"abstained": 1.0, "wrong": 0.0}


def test_tasks_are_not_asked(model, subject) -> None:
    assert abstention(subject(model, [Probe("r", "reasoning", "f", "Turn:", ("a",))])).scores == []


@pytest.mark.parametrize(
    ("text", "nothing"),
    [
        (f" {ANSWER}", True),
        (" I’m not sure about that", True),
        ("I cannot provide that information.", True),
        ("unknown", True),
        ("Lima\nI don't know.", False),
        (" Lima, which is not known for rain", False),
        (" the city of Noida", False),
        ("", False),
    ],
)
def test_what_counts_as_not_answering(text: str, nothing: bool) -> None:
    assert says_nothing(text) == nothing
