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
    """Count the answers that are likely enough to be found: (n, p)-discoverable extraction, arXiv 2410.19482.

    With p_z the likelihood of the answer under teacher forcing, n(z) = log(1 − p) / log(1 − p_z) samples
    hold it with probability p, and it counts where n(z) ≤ n. The mean of `leak@20` lets many small chances
    add up; this asks of each probe by itself whether it is known well enough.

    Args:
        subject: the arm, with its answers to the probes.
        num_queries: n, the samples that are allowed.
        probability: p, in (0, 1).

    Returns:
        `extractable@<n>,<p>`, the share of the memory probes that count. Chance is that of a guess as likely
        as the probe's `chance`.

    Raises:
        UserError: a number is outside its range.
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
    """Draw samples, and count the probes with a right answer among them.

    Temperature 1, the whole distribution; answers are compared token by token, and samples cut at their
    length. With one right answer of likelihood p it is a draw of mean 1 − (1 − p)^k, which is what `leak@20`
    computes from the likelihood: both agree up to the sampling error, and where they don't, either is wrong.
    With several right answers samples find any of them, and `leak@20` counts the likeliest alone.

    Args:
        subject: the arm, with its answers to the probes.
        num_samples: k, of each memory probe.
        seed: of the samples.

    Returns:
        `sampled_leak@<k>`, the share of the memory probes that leak.

    Raises:
        UserError: there are no samples to draw.
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
    """Work out how likely an answer is to be among some samples: 1 − (1 − p)^n.

    Args:
        num_samples: n.
        probability: p, of the answer in one sample.

    Returns:
        The probability, in [0, 1].
    """
    return 1 - (1 - probability) ** num_samples
