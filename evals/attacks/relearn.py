"""Relearning: teach half of the facts again and see whether the other half comes back.

What was suppressed returns when a little of it is taught; what was never there doesn't. After
Deeb & Roger, "Do Unlearning Methods Remove Information from Language Model Weights?" (2024); several
learning rates of which the worst case counts, as in UNDO (arXiv 2506.06278).
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.attacks.finetune import fine_tuned, text_of
from evals.probes.probe import Probe, of_axes
from evals.recall.answers import answer_probes
from evals.scores import Score, accuracy


def relearn(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    steps: Sequence[int] = (0, 25, 100, 500),
    learning_rates: Sequence[float] = (1e-4, 1e-3, 1e-2),
    batch_size: int = 32,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Fine-tune a copy of the model on the recall probes of half a; at each of `steps`, score the
    recall of half b (axis `relearn_disjoint`) and of half a (`relearn_direct`).

    Each learning rate is a family, such as `lr=1e-3`; `all` is the largest of them at each step, so of
    several rates a little above what one would score by chance, for every arm alike. A rate that breaks the
    model has no rows from there on. `on_progress` is told (steps done, all steps). Empty when either half has
    no recall probes: not measured, rather than 0.
    """
    recall = of_axes(probes, "recall")
    halves = {
        "relearn_disjoint": [probe for probe in recall if probe.half == "b"],
        "relearn_direct": [probe for probe in recall if probe.half == "a"],
    }
    if not all(halves.values()):
        return []
    texts = [text_of(tokenizer, probe) for probe in halves["relearn_direct"]]
    last, scores = max(steps), []
    for number, rate in enumerate(learning_rates):

        def show(step: int, done: int = number * last) -> None:
            if on_progress:
                on_progress(done + step, len(learning_rates) * last)

        for step, attacked in fine_tuned(
            model,
            texts,
            steps=steps,
            learning_rate=rate,
            batch_size=batch_size,
            seed=seed,
            on_step=show,
        ):
            for axis, half in halves.items():
                answers = answer_probes(attacked, tokenizer, half)
                scores.append(
                    accuracy(
                        arm, axis, name_of(rate), half, answers, higher_is_better=False, step=step
                    )
                )
    return [*_worst(scores), *scores]


def name_of(rate: float) -> str:
    """The family of a learning rate: `lr=1e-3`."""
    mantissa, exponent = f"{rate:e}".split("e")
    return f"lr={float(mantissa):g}e{int(exponent)}"


def _worst(scores: list[Score]) -> list[Score]:
    """The most that came back at any rate, axis by axis and step by step."""
    worst: dict[tuple[str, int | None], Score] = {}
    for score in scores:
        key = (score.axis, score.step)
        if key not in worst or score.value > worst[key].value:
            worst[key] = replace(score, family="all")
    return list(worst.values())
