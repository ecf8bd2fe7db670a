"""Relearning: teach half of the facts again and see whether the other half comes back.

What was suppressed returns when a little of it is taught; what was never there doesn't. After
Deeb & Roger, "Do Unlearning Methods Remove Information from Language Model Weights?" (2024); several
learning rates of which the worst case counts, as in UNDO (arXiv 2506.06278).

What is taught directly comes back to any model in the end, to a quick learner sooner. Whether a trace of it
was there is told by the same model's learning of false facts: the same questions, each other's answers. So it
is with the other half: where no control is at hand that never saw the facts, what true facts bring back of it
beyond what false ones do was hidden.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.attacks.finetune import fine_tuned, text_of
from evals.probes.false_answers import with_false_answers
from evals.probes.probe import Probe, of_axes
from evals.recall.answers import answer_probes, askable
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
    precision: str = "float32",
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Teach half of the facts again, and see whether the other half comes back.

    One copy of the model is fine-tuned on the recall probes of half a, and scored on half b
    (`relearn_disjoint`) and on half a (`relearn_direct`). Another is taught false answers to half a, and
    scored on these (`relearn_false`) and on the true ones of half b (`relearn_permuted`).

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; recall is taught and asked.
        steps: training steps after which to score; 0 is before training.
        learning_rates: of AdamW, each tried on a copy of its own. A rate that breaks the model has no scores
            from there on.
        batch_size: texts a step.
        seed: of the order of the texts.
        precision: of training's products: `float32`, `bfloat16` or `auto`.
        on_progress: told the steps done and all steps, over all copies.

    Returns:
        Accuracies at each step, a family for each learning rate such as `lr=1e-3`. The family `all` is the
        largest of them, so of several rates a little above what one would score by chance, for every arm
        alike. Empty where either half has no recall probes: not measured, rather than 0.
    """
    recall = of_axes(probes, "recall")
    half_a = [probe for probe in recall if probe.half == "a"]
    half_b = [probe for probe in recall if probe.half == "b"]
    if not half_a or not half_b:
        return []
    # Another probe's answer may be longer than the room behind the prompt.
    false_a, _ = askable(model, tokenizer, with_false_answers(half_a))
    # What is taught, and what is asked then.
    lessons = [
        (half_a, {"relearn_disjoint": half_b, "relearn_direct": half_a}),
        (false_a, {"relearn_permuted": half_b, "relearn_false": false_a}),
    ]
    runs = [(taught, asked, rate) for taught, asked in lessons if taught for rate in learning_rates]
    last, scores = max(steps), []
    for number, (taught, asked, rate) in enumerate(runs):

        def show(step: int, done: int = number * last) -> None:
            if on_progress:
                on_progress(done + step, len(runs) * last)

        for step, attacked in fine_tuned(
            model,
            [text_of(tokenizer, probe) for probe in taught],
            steps=steps,
            learning_rate=rate,
            batch_size=batch_size,
            seed=seed,
            precision=precision,
            on_step=show,
        ):
            for axis, half in asked.items():
                answers = answer_probes(attacked, tokenizer, half)
                better = taught is false_a  # to learn is no fault, nor is what false facts stir
                scores.append(
                    accuracy(
                        arm, axis, name_of(rate), half, answers, higher_is_better=better, step=step
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
