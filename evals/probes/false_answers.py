"""The same probes with each other's answers: what a model says of these isn't what it knows."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from evals.probes.probe import Probe


def with_false_answers(probes: Sequence[Probe]) -> list[Probe]:
    """Give each probe the next different answer of its family.

    Answers stay as frequent as they are, so that a guess has no more to gain from them. Probes whose family
    has no other answer exchange theirs with each other: as much is taught as with true answers.

    Args:
        probes: with their true answers.

    Returns:
        Those that have another answer.
    """
    families: dict[str, list[Probe]] = {}
    for probe in probes:
        families.setdefault(probe.family, []).append(probe)
    false = [probe for members in families.values() for probe in _exchanged(members)]
    found = {probe.id for probe in false}
    return [*false, *_exchanged([probe for probe in probes if probe.id not in found])]


def _exchanged(probes: Sequence[Probe]) -> list[Probe]:
    """Those that have another answer, of these probes."""
    # In the order of their answers, a shift by the commonest one's count leaves none in its place.
    ordered = sorted(probes, key=lambda probe: probe.answers)
    shift = max(Counter(probe.answers for probe in ordered).values(), default=0)
    pairs = zip(ordered, [*ordered[shift:], *ordered[:shift]], strict=True)
    return [
        replace(probe, answers=other.answers, choices=())
        for probe, other in pairs
        if not set(other.answers) & set(probe.answers)
    ]
