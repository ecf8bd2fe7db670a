import pytest
from transformers import PreTrainedModel

from core.errors import UserError
from core.models.generate import greedy
from evals.metrics.recitation import edit_distance, recitation
from evals.recall.answers import encode
from evals.scores import find


def value(measured, metric: str) -> float:
    return find(measured.scores, "core", "verbatim", metric=metric).value


def test_what_was_learned_by_heart_is_recited_from_every_prefix(learned, memories, subject):
    measured = recitation(subject(learned, memories), prefix_shares=[0.25, 0.75])
    # The three passages differ from the first or second word on.
    assert value(measured, "extraction_strength") > 0.7
    for share in ("0.25", "0.75"):
        assert value(measured, f"exact_match@{share}") == 1
        assert value(measured, f"edit_distance@{share}") == 0
    assert {score.axis for score in measured.scores} == {"verbatim"}
    assert {score.family for score in measured.scores} == {"all", "passage"}


def test_what_was_not_learned_is_not_recited(model, memories, subject):
    measured = recitation(subject(model, memories))
    assert value(measured, "extraction_strength") < 0.2
    assert value(measured, "exact_match@0.5") == 0
    assert value(measured, "edit_distance@0.5") > 0.5


def test_a_passage_broken_at_one_place_is_recited_after_it(
    learned: PreTrainedModel, memories, subject, tokenizer
):
    """Extraction strength says where the rest begins that greedy decoding recites, and it does."""
    subject = subject(learned, memories)
    measured = recitation(subject, prefix_shares=[0.5])
    for probe, _ in subject.asked("verbatim"):
        prompt, rest = encode(tokenizer, probe.prompt, probe.answers[0])
        text = prompt + rest
        shortest = round((1 - measured.values[probe.id]["extraction_strength"]) * len(text))
        said = greedy(learned, [text[:shortest]], [len(text) - shortest])
        assert said == [text[shortest:]]
        if shortest > 1:
            earlier = text[: shortest - 1]
            assert greedy(learned, [earlier], [len(text) - len(earlier)]) != [text[len(earlier) :]]


def test_without_passages_there_are_no_rows(model, facts, subject):
    measured = recitation(subject(model, facts))
    assert measured.scores == [] and measured.values == {}


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("", "abc", 3),
        ("abc", "", 3),
        ("abcdef", "bcdefa", 2),
        ("aaaa", "b", 4),
    ],
)
def test_edit_distance(a: str, b: str, expected: int):
    assert edit_distance([*map(ord, a)], [*map(ord, b)]) == expected


@pytest.mark.parametrize("share", [0, 1, 1.5, "half"])
def test_a_share_that_is_none_is_refused(share: object, model, memories, subject):
    with pytest.raises(UserError, match="prefix_shares"):
        recitation(subject(model, memories), prefix_shares=[share])
