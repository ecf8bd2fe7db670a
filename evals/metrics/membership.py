"""Membership inference by Min-K%++: does the model tell the true texts from made-up ones?"""

import math
from collections import Counter
from dataclasses import dataclass

import numpy as np
import torch

from core.errors import UserError
from core.models.loading import context_of
from evals.metrics.measured import Measured, Subject, groups
from evals.probes.probe import MEMORY_AXES, Probe
from evals.recall.answers import encode
from evals.recall.forward import text_logits
from evals.recall.map_quality import auroc
from evals.scores import Score


@dataclass(frozen=True)
class _Pair:
    """A probe's true text and a made-up one, as prompt and continuation."""

    probe: Probe
    member: tuple[list[int], list[int]]
    control: tuple[list[int], list[int]]


def membership(subject: Subject, *, min_k: float = 0.2) -> Measured:
    """Measure whether true texts are told from made-up ones, by Min-K%++ (Zhang et al., arXiv 2404.02936).

    A token's score is its log-probability, standardized by mean and deviation of log-probabilities under the
    model's own prediction at that place. A text's score is the mean over its least likely tokens. Members are
    the prompts of the memory probes with their answers. Non-members are the same prompts with the answers
    permuted inside the family, so that both sides hold each answer equally often and a taste for common
    answers is no help. Only the answer's tokens are scored: the prompt is the same on both sides. A verbatim
    text's wrong answer is another text's rest.

    Args:
        subject: the arm, with its answers to the probes.
        min_k: the share of an answer's tokens that is taken, one token at least.

    Returns:
        `membership_auroc`, how often a member scores higher than a non-member; 0.5 is "can't tell". Standard
        errors after Hanley & McNeil (1982). Of each probe also `min_k` of the true text and `min_k_control`
        of the made-up one.

    Raises:
        UserError: the share is outside (0, 1].
    """
    if not 0 < min_k <= 1:
        raise UserError(f"metric.membership.min_k is a share above 0 and at most 1, not {min_k}")
    pairs = _pairs(subject)
    texts = [text for pair in pairs for text in (pair.member, pair.control)]
    found = _min_k(subject, texts, min_k)
    values = {
        pair.probe.id: {"min_k": found[2 * i], "min_k_control": found[2 * i + 1]}
        for i, pair in enumerate(pairs)
    }
    scores = []
    for axis, family, probes in groups(pair.probe for pair in pairs):
        members = np.array([values[probe.id]["min_k"] for probe in probes])
        controls = np.array([values[probe.id]["min_k_control"] for probe in probes])
        value = auroc(members, controls)
        error = auroc_error(value, len(members), len(controls))
        named = (subject.arm, axis, family, "membership_auroc")
        scores.append(Score(*named, value, error, len(probes), 0.5, False))
    return Measured(scores, values)


def _pairs(subject: Subject) -> list[_Pair]:
    families: dict[tuple[str, str], list[Probe]] = {}
    for probe, _ in subject.asked(*MEMORY_AXES):
        families.setdefault((probe.axis, probe.family), []).append(probe)
    pairs, context = [], context_of(subject.model)
    for family in families.values():
        for probe, wrong in zip(family, wrong_answers(family), strict=True):
            if wrong is not None:
                texts = [
                    encode(subject.tokenizer, probe.prompt, text)
                    for text in (probe.answers[0], wrong)
                ]
                if context is None or len(texts[1][0] + texts[1][1]) <= context:
                    pairs.append(_Pair(probe, texts[0], texts[1]))
    return pairs


def wrong_answers(family: list[Probe]) -> list[str | None]:
    """Give each probe another one's first answer.

    Sorted by answer and moved on by as many as the commonest answer has: nobody keeps their own unless one
    answer is more than half of all.

    Args:
        family: the probes.

    Returns:
        An answer for each; None where the one that it would get is right as well.
    """
    order = sorted(range(len(family)), key=lambda i: family[i].answers[0])
    shift = max(Counter(probe.answers[0] for probe in family).values())
    wrong: list[str | None] = [None] * len(family)
    for place, index in enumerate(order):
        other = family[order[(place + shift) % len(order)]].answers[0]
        wrong[index] = None if other in family[index].answers else other
    return wrong


def _min_k(subject: Subject, texts: list[tuple[list[int], list[int]]], share: float) -> list[float]:
    scores = [0.0] * len(texts)
    for index, logits_TV in text_logits(subject.model, [p + a for p, a in texts]):
        prompt, answer = texts[index]
        logprobs_AV = logits_TV[len(prompt) - 1 : -1].log_softmax(1)
        z_A = standardized(logprobs_AV, torch.tensor(answer, device=logprobs_AV.device))
        lowest = z_A.sort().values[: max(1, round(share * len(answer)))]
        scores[index] = lowest.mean().item()
    return scores


def standardized(logprobs_AV: torch.Tensor, tokens_A: torch.Tensor) -> torch.Tensor:
    """Standardize the log-probability of each token by the prediction that it comes from.

    Args:
        logprobs_AV: what the model predicted at each token of an answer, in nats.
        tokens_A: the tokens.

    Returns:
        (log p(token) − μ) / σ, (A,), with μ and σ taken over the vocabulary under p itself.
    """
    # What a model rules out has log-probability −∞ and weight 0: their product would be NaN.
    logprobs_AV = logprobs_AV.clamp(min=-1e4)
    probabilities_AV = logprobs_AV.exp()
    mean_A1 = (probabilities_AV * logprobs_AV).sum(1, keepdim=True)
    variance_A = (probabilities_AV * (logprobs_AV - mean_A1).square()).sum(1)
    own_A1 = logprobs_AV.gather(1, tokens_A[:, None])
    # Of a uniform prediction all tokens are alike: what is left of either is rounding.
    return (own_A1 - mean_A1)[:, 0] / variance_A.sqrt().clamp(min=1e-4)


def auroc_error(value: float, num_positive: int, num_negative: int) -> float | None:
    """Work out the standard error of an AUROC (Hanley & McNeil, 1982).

    Args:
        value: the AUROC.
        num_positive: members.
        num_negative: non-members.

    Returns:
        The error; None of a single pair.
    """
    if num_positive * num_negative == 1:
        return None
    both_positive, both_negative = value / (2 - value), 2 * value**2 / (1 + value)
    variance = (
        value * (1 - value)
        + (num_positive - 1) * (both_positive - value**2)
        + (num_negative - 1) * (both_negative - value**2)
    ) / (num_positive * num_negative)
    return math.sqrt(max(0.0, variance))
