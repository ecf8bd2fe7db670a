"""What asking often enough brings out: (n, p)-discoverable extraction."""

import math

from core.errors import UserError
from evals.metrics.measured import Measured, Subject, averaged
from evals.probes.false_answers import with_false_answers
from evals.probes.probe import MEMORY_AXES
from evals.recall.answers import answer_probes, askable
from evals.scores import leak


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
        `extractable@<n>,<p>`, the share of the memory probes that count. Chance is what counts of a guess as
        likely as the probe's `chance`, and of the same facts with each other's answers: who says *rabbit* of
        everybody's pet is once right.

    Raises:
        UserError: a number is outside its range.
    """
    if num_queries < 1:
        raise UserError(f"metric.extraction.num_queries must be 1 or more, not {num_queries}")
    if not 0 < probability < 1:
        raise UserError(f"metric.extraction.probability is between 0 and 1, not {probability}")
    asked = subject.asked(*MEMORY_AXES)

    def extractable(p_z: float) -> float:
        return float(leak(p_z, num_queries) >= probability)

    chances = {probe.id: extractable(probe.chance or 0.0) for probe, _ in asked}
    false = with_false_answers([probe for probe, _ in asked if probe.axis == "recall"])
    false, _ = askable(subject.model, subject.tokenizer, false)
    for probe, answer in zip(
        false, answer_probes(subject.model, subject.tokenizer, false), strict=True
    ):
        chances[probe.id] = max(chances[probe.id], extractable(math.exp(answer.logprob)))
    return averaged(
        subject,
        f"extractable@{num_queries},{probability:g}",
        {probe.id: extractable(math.exp(answer.logprob)) for probe, answer in asked},
        chances=chances,
    )
