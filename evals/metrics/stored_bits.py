"""How many bits of a fact are in the weights."""

import math
from collections import Counter

from evals.metrics.measured import Measured, Subject, averaged
from evals.probes.probe import MIN_FAMILY_FOR_CHANCE, Probe


def stored_bits(subject: Subject) -> Measured:
    """Measure how many bits of a fact are in the weights: −log₂ q(answer) + log₂ p(answer | prompt, model).

    To tell somebody the answer takes −log₂ q bits if they have never seen the fact and know only how often
    each answer occurs in its family (q, the share of the family's probes that it answers), and −log₂ p bits
    if they have the model. The difference is what the weights save. For a model that guesses by q it is 0.
    For any other guess its mean is below 0, −KL(q ‖ guess), since no guess beats the base rates on average.
    For a model that knows, it is the family's entropy, H(q). So it doesn't pay to know the form, which a
    control that never saw the facts knows as well.

    q comes from the family at hand and so takes its list of values as known: what the model knows beyond a
    rare name's place in that list isn't counted. Of several right answers, the likeliest counts, on either
    side.

    Args:
        subject: the arm, with its answers to the probes.

    Returns:
        `stored_bits`, the mean over the recall probes. A family of fewer than 20 probes has no base rate
        worth the name, and no scores.
    """
    asked = subject.asked("recall")
    base = _base_rates([probe for probe, _ in asked])
    bits = {
        probe.id: answer.logprob / math.log(2) - math.log2(base[probe.id])
        for probe, answer in asked
        if probe.id in base
    }
    return averaged(subject, "stored_bits", bits, chances=dict.fromkeys(bits, 0.0))


def _base_rates(probes: list[Probe]) -> dict[str, float]:
    """By probe id: the share of its family that its commonest right answer is right for."""
    families: dict[str, list[Probe]] = {}
    for probe in probes:
        families.setdefault(probe.family, []).append(probe)
    rates = {}
    for family in families.values():
        if len(family) >= MIN_FAMILY_FOR_CHANCE:
            counts = Counter(answer for probe in family for answer in set(probe.answers))
            for probe in family:
                rates[probe.id] = max(counts[answer] for answer in probe.answers) / len(family)
    return rates
