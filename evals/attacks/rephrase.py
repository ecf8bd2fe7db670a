"""Rephrasing: the same memories asked for in other forms."""

from collections.abc import Callable, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.probes.probe import STATEMENT, Probe
from evals.recall.answers import answer_probes
from evals.scores import Score, accuracy


def rephrased(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Ask for the same memories in other forms.

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; those of the form `statement` are left out.
        on_progress: told the forms done and all forms.

    Returns:
        Accuracies of the axis `rephrase`, a family for each form. A probe of the form `choice` is right when
        no wrong choice is as likely. Empty without probes of other forms.
    """
    forms = sorted({probe.form for probe in probes} - {STATEMENT})
    scores = []
    for done, form in enumerate(forms, start=1):
        members = [probe for probe in probes if probe.form == form]
        answers = answer_probes(model, tokenizer, members)
        scores.append(accuracy(arm, "rephrase", form, members, answers, higher_is_better=False))
        if on_progress:
            on_progress(done, len(forms))
    return scores
