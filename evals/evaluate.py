"""Load an arm from its folder and put the probes to it."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from core.models.gate import traits_of
from core.models.loading import check_vocabulary, load_model, load_tokenizer
from core.runs.console import console, errors
from evals.metrics.measured import Metric, Subject, merged
from evals.probes.probe import MEMORY_AXES, Probe
from evals.recall.answers import answer_probes, askable
from evals.scores import Score, summarize


def evaluate_model(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    metrics: Sequence[Metric] = (),
) -> tuple[list[Score], list[dict[str, Any]]]:
    """Scores of the arm, and one sample a probe: what was asked, what is right, what it said.

    Besides accuracy, likelihood and rank, what `metrics` (evals/metrics) measure.
    """
    answers = answer_probes(model, tokenizer, probes)
    subject = Subject(arm, model, tokenizer, probes, answers)
    measured = merged(metric(subject) for metric in metrics)
    samples = [
        {
            "id": probe.id,
            "axis": probe.axis,
            "family": probe.family,
            "prompt": probe.prompt,
            "answer": probe.answers[0],
            "predicted": answer.predicted,
            "correct": answer.correct,
            "logprob": answer.logprob,
            "rank": answer.rank,
            "metrics": measured.values.get(probe.id, {}),
        }
        for probe, answer in zip(probes, answers, strict=True)
    ]
    return summarize(arm, probes, answers) + measured.scores, samples


def fitting(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Sequence[Probe]
) -> list[Probe]:
    """The probes that the model can be asked; the others are reported on the console.

    What is wrong with one probe doesn't keep the others from being measured. Raises UserError where none is
    left.
    """
    found, troubles = askable(model, tokenizer, probes)
    if troubles:
        others = f", and {len(troubles) - 1} others can't be asked either" * (len(troubles) > 1)
        if not found:
            raise UserError(f"{troubles[0]}{others}: no probe is left to measure")
        console.print(f"left out: {troubles[0]}{others}", style="yellow", markup=False)
    return found


def load_arm(folder: Path) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """An arm's model, on the GPU if there is one, and its tokenizer.

    Raises `UserError` when either can't be loaded whole, they don't belong together, or the model isn't a
    causal one.
    """
    model, tokenizer = load_model(folder), load_tokenizer(folder)
    check_vocabulary(model, tokenizer, str(folder))
    traits_of(model)  # refuses one that can't be asked, before anything is
    return model.eval().to("cuda" if torch.cuda.is_available() else "cpu"), tokenizer


def warn_of_nothing_recalled(scores: Iterable[Score]) -> None:
    """Tell of a teacher that recalls nothing on an axis of memories, which its corpus should have taught."""
    for score in scores:
        whole = score.family == "all" and score.metric == "accuracy"
        if whole and score.axis in MEMORY_AXES and score.value == 0 and score.n:
            errors.print(
                f"warning: the teacher gets none of the {score.n} {score.axis} probes right. Either it never"
                " learned the corpus (train it longer), or the probes aren't written as the corpus is:"
                " compare prompt, answer and the white space between them. No arm can be judged by them.",
                style="bold yellow",
            )
