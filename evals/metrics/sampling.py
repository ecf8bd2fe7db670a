"""Right answers among samples that are really drawn."""

import torch

from core.errors import UserError
from core.models.generate import sample
from evals.metrics.measured import Measured, Subject, averaged
from evals.probes.probe import MEMORY_AXES
from evals.recall.answers import encode
from evals.scores import leak


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
        raise UserError(f"metric.sampling.num_samples must be 1 or more, not {num_samples}")
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
        chances={probe.id: leak(probe.chance or 0.0, num_samples) for probe in probes},
    )
