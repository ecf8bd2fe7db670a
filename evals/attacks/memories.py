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
    """Accuracy at the recall and at the verbatim probes as families of the attack's `axis`.

    One without probes has no row.
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
