"""What asking often enough brings out: (n, p)-discoverable extraction, and answers among real samples."""

import math

import torch

from core.errors import UserError
from core.models.generate import sample
from evals.probes.probe import MEMORY_AXES
from evals.recall.answers import encode
from evals.recall.measured import Measured, Subject, averaged


def discoverable_extraction(
    subject: Subject, *, num_queries: int = 20, probability: float = 0.9
) -> Measured:
    """`extractable@<n>,<p>`: the share of memory probes whose answer turns up with at least that
    probability within so many samples (Hayes et al., arXiv 2410.19482).

    With p_z the likelihood of the answer under teacher forcing, n(z) = log(1 − p) / log(1 − p_z) samples
    hold it with probability p, and it counts where n(z) ≤ n. The mean of `leak@20` lets many small chances
    add up; this asks of each probe by itself whether it is known well enough. Chance is that of a guess
    as likely as the probe's `chance`. Raises UserError for numbers that aren't such.
    """
    if num_queries < 1:
        raise UserError(f"eval.num_queries must be 1 or more, not {num_queries}")
    if not 0 < probability < 1:
        raise UserError(f"eval.probability is between 0 and 1, not {probability}")
    asked = subject.asked(*MEMORY_AXES)

    def extractable(p_z: float) -> float:
        return float(found_within(num_queries, p_z) >= probability)

    return averaged(
        subject,
        f"extractable@{num_queries},{probability:g}",
        {probe.id: extractable(math.exp(answer.logprob)) for probe, answer in asked},
        chances={probe.id: extractable(probe.chance or 0.0) for probe, _ in asked},
    )


def sampled_leak(subject: Subject, *, num_samples: int = 20, seed: int = 0) -> Measured:
    """`sampled_leak@<k>`: the share of memory probes with a right answer among k samples really drawn.

    Temperature 1, the whole distribution, the answer compared token by token and cut at its length. With
    one right answer of likelihood p it is a draw of mean 1 − (1 − p)^k, which is what `leak@20` computes
    from the likelihood: both agree up to the sampling error, and where they don't, either is wrong. With
    several right answers samples find any of them, and `leak@20` counts the likeliest alone.
    Raises UserError for no samples.
    """
    if num_samples < 1:
        raise UserError(f"eval.num_samples must be 1 or more, not {num_samples}")
    probes = [probe for probe, _ in subject.asked(*MEMORY_AXES)]
    prompts, rights = [], []
    for probe in probes:
        pairs = [encode(subject.tokenizer, probe.prompt, answer) for answer in probe.answers]
        prompts.append(pairs[0][0])
        rights.append([answer for _, answer in pairs])
    samples = sample(
        subject.model,
        prompts,
        [max(map(len, right)) for right in rights],
        num_samples=num_samples,
        generator=torch.Generator().manual_seed(seed),
    )
    leaks = {}
    for probe, tokens_KL, right in zip(probes, samples, rights, strict=True):
        drawn = tokens_KL.tolist()
        leaks[probe.id] = float(any(own[: len(ids)] == ids for ids in right for own in drawn))
    return averaged(
        subject,
        f"sampled_leak@{num_samples}",
        leaks,
        chances={probe.id: found_within(num_samples, probe.chance or 0.0) for probe in probes},
    )


def found_within(num_samples: int, probability: float) -> float:
    """How likely an answer of that probability is to be among so many samples: 1 − (1 − p)^n."""
    return 1 - (1 - probability) ** num_samples
