from collections import Counter

import pytest
import torch

from core.errors import UserError
from evals.metrics.membership import auroc_error, membership, standardized, wrong_answers
from evals.probes.probe import Probe
from evals.recall.answers import encode
from evals.scores import find


def family(*answers: str) -> list[Probe]:
    return [Probe(str(i), "recall", "f", f"{i} is", (a,)) for i, a in enumerate(answers)]


def test_who_knows_the_facts_tells_them_from_made_up_ones(learned, memories, subject):
    measured = membership(subject(learned, memories))
    for axis in ("recall", "verbatim"):
        score = find(measured.scores, "core", axis, metric="membership_auroc")
        assert score.value > 0.95 and score.chance == 0.5
    values = measured.values["hill"]
    assert values["min_k"] > values["min_k_control"]


def test_who_does_not_know_them_cannot_tell(model, memories, subject):
    measured = membership(subject(model, memories))
    assert find(
        measured.scores, "core", "recall", metric="membership_auroc"
    ).value == pytest.approx(0.5, abs=0.15)


def test_who_likes_common_answers_cannot_tell(tokenizer, make_model, subject):
    """The same answers stand on both sides, so that liking one of them is no help."""
    model = make_model(len(tokenizer))
    probes = family(*["Lima"] * 5, *["Oslo"] * 3, *["Riga"] * 4)
    with torch.no_grad():
        for parameter in model.model.layers.parameters():
            parameter.zero_()
        # Nothing but the token before matters, and that is the same in all prompts.
    measured = membership(subject(model, probes))
    assert measured.scores[0].value == 0.5


def test_wrong_answers_are_the_right_ones_permuted():
    probes = family("a", "b", "a", "c", "a", "b", "d")
    wrong = wrong_answers(probes)
    assert all(w != p.answers[0] for w, p in zip(wrong, probes, strict=True))
    assert Counter(wrong) == Counter(p.answers[0] for p in probes)
    assert wrong_answers(family("a", "a", "a", "b")).count(None) == 2
    assert wrong_answers(family("a")) == [None]


def test_tokens_are_standardized_under_the_models_own_prediction():
    logprobs_AV = torch.tensor([[0.5, 0.25, 0.25], [1 / 3, 1 / 3, 1 / 3], [1.0, 0.0, 0.0]]).log()
    z_A = standardized(logprobs_AV, torch.tensor([1, 2, 0]))
    half, quarter = torch.tensor(0.5).log(), torch.tensor(0.25).log()
    mean, deviation = (half + quarter) / 2, (half - quarter).abs() / 2
    assert z_A[0].item() == pytest.approx(((quarter - mean) / deviation).item(), abs=1e-5)
    assert z_A[1].item() == pytest.approx(0, abs=1e-2), "all tokens alike"
    assert z_A[2].item() == pytest.approx(0, abs=1e-5), "certain, and right"


def test_the_share_of_lowest_tokens(model, memories, subject, tokenizer):
    """min_k = 1 is the mean over the answer's tokens, as computed by hand; less of them is lower."""
    subject = subject(model, memories)
    whole, lowest = (membership(subject, min_k=share).values["hill"] for share in (1.0, 0.2))
    hill = next(probe for probe in memories if probe.id == "hill")
    prompt, answer = encode(tokenizer, hill.prompt, hill.answers[0])
    with torch.no_grad():
        logits_TV = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
    logprobs = logits_TV.log_softmax(1).double()
    mean = (logprobs.exp() * logprobs).sum(1)
    deviation = ((logprobs.exp() * logprobs.square()).sum(1) - mean.square()).sqrt()
    z = (logprobs[range(len(answer)), answer] - mean) / deviation
    assert whole["min_k"] == pytest.approx(z.mean().item(), abs=1e-3)
    assert lowest["min_k"] < whole["min_k"]


def test_the_standard_error_is_that_of_repeated_draws():
    generator = torch.Generator().manual_seed(0)
    draws_R = torch.randn(400, 60, generator=generator) + 0.8
    others_R = torch.randn(400, 60, generator=generator)
    aurocs = (draws_R[:, :, None] > others_R[:, None, :]).float().mean((1, 2))
    assert auroc_error(aurocs.mean().item(), 60, 60) == pytest.approx(aurocs.std().item(), rel=0.15)
    assert auroc_error(1.0, 60, 60) == 0


def test_without_memory_probes_there_are_no_rows(model, subject):
    asked = subject(model, [Probe("r", "reasoning", "f", "Turn", ("a",))])
    assert membership(asked).scores == []
    with pytest.raises(UserError, match="min_k"):
        membership(asked, min_k=0)
