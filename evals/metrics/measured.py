"""What a metric looks at, and what it gives: scores of axes and families, and values of single probes."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.probes.answer import Answer
from evals.probes.probe import AXES, Probe
from evals.scores import Score, error_of_mean


@dataclass(frozen=True)
class Subject:
    """What a metric looks at: an arm, the probes put to it, and its answers in their order."""

    arm: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    probes: Sequence[Probe]
    answers: Sequence[Answer]

    def asked(self, *axes: str) -> list[tuple[Probe, Answer]]:
        """The probes of these axes with their answers."""
        pairs = zip(self.probes, self.answers, strict=True)
        return [(probe, answer) for probe, answer in pairs if probe.axis in axes]


@dataclass(frozen=True)
class Measured:
    """Scores, and by probe id the values of that probe by metric. Without probes, nothing."""

    scores: list[Score] = field(default_factory=list)
    values: dict[str, dict[str, float]] = field(default_factory=dict)


Metric = Callable[[Subject], Measured]


def groups(probes: Iterable[Probe]) -> Iterator[tuple[str, str, list[Probe]]]:
    """Group probes by axis and family.

    Args:
        probes: of any axes.

    Yields:
        Axis, family and probes: for each axis that has probes first its whole (`all`), then its families.
    """
    probes = list(probes)
    for axis in AXES:
        on_axis = [probe for probe in probes if probe.axis == axis]
        families = sorted({probe.family for probe in on_axis})
        for family in ["all", *families] if on_axis else []:
            yield axis, family, [p for p in on_axis if family in ("all", p.family)]


def averaged(
    subject: Subject,
    metric: str,
    values: Mapping[str, float],
    *,
    chances: Mapping[str, float] | None = None,
    higher_is_better: bool = False,
) -> Measured:
    """Average values of single probes over each axis and each family.

    Args:
        subject: the arm and the probes.
        metric: the name of the score.
        values: by probe id; other probes are left out.
        chances: what a guess would score, by probe id; None: the metric has no such floor.
        higher_is_better: the metric's direction.

    Returns:
        Means with their standard errors, and the values themselves.
    """
    scores = []
    for axis, family, members in groups(p for p in subject.probes if p.id in values):
        own = [values[probe.id] for probe in members]
        chance = None if chances is None else fmean(chances[probe.id] for probe in members)
        named = (subject.arm, axis, family, metric)
        scores.append(
            Score(*named, fmean(own), error_of_mean(own), len(own), chance, higher_is_better)
        )
    return Measured(scores, {key: {metric: value} for key, value in values.items()})


def merged(parts: Iterable[Measured]) -> Measured:
    """Put measurements together.

    Args:
        parts: of the same arm.

    Returns:
        All scores, and all values of each probe.
    """
    whole = Measured()
    for part in parts:
        whole.scores.extend(part.scores)
        for key, values in part.values.items():
            whole.values.setdefault(key, {}).update(values)
    return whole
