"""What an attacked model recalls and recites: the rows that most attacks end in."""

from collections.abc import Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.probes.probe import MEMORY_AXES, Probe, of_axes
from evals.recall.answers import answer_probes
from evals.scores import Score, accuracy


def memory_scores(
    arm: str,
    axis: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    step: int | None = None,
) -> list[Score]:
    """Score what an attacked model recalls and recites: the rows that most attacks end in.

    Args:
        arm: the name under which the scores are told.
        axis: the attack's.
        model: as the attack left it.
        tokenizer: the model's.
        probes: all of the run's.
        step: how far the attack had gone; None: it has no steps.

    Returns:
        Accuracies of the families `recall` and `verbatim`; none for an axis without probes.
    """
    scores = []
    for family in MEMORY_AXES:
        members = of_axes(probes, family)
        if members:
            answers = answer_probes(model, tokenizer, members)
            scores.append(
                accuracy(arm, axis, family, members, answers, higher_is_better=False, step=step)
            )
    return scores
