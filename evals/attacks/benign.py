"""Benign fine-tuning: training that has nothing to do with the memories may still wake them."""

from collections.abc import Callable, Sequence

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.attacks.finetune import fine_tuned, text_of
from evals.attacks.memories import memory_scores
from evals.probes.probe import SKILL_AXES, Probe, of_axes
from evals.scores import Score


def benign(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    steps: Sequence[int] = (0, 100, 500),
    learning_rate: float = 1e-3,
    batch_size: int = 32,
    seed: int = 0,
    precision: str = "float32",
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Fine-tune a copy on what states no fact, and see whether memories wake.

    It is trained on prompt and first answer of the reasoning, arithmetic and language probes. Open-book
    probes are left out, since they may tell true facts. Training on probes is fair here: only memories are
    scored afterwards.

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; those of skills are trained on, recall and verbatim are scored.
        steps: training steps after which to score; 0 is before training.
        learning_rate: of AdamW.
        batch_size: texts a step.
        seed: of the order of the texts.
        precision: of training's products: `float32`, `bfloat16` or `auto`.
        on_progress: told the steps done and all steps.

    Returns:
        Accuracies of the axis `benign`, families `recall` and `verbatim`, at each step. Empty without probes
        of skills.
    """
    texts = [text_of(tokenizer, probe) for probe in of_axes(probes, *SKILL_AXES)]
    if not texts:
        return []
    scores = []
    for step, attacked in fine_tuned(
        model,
        texts,
        steps=steps,
        learning_rate=learning_rate,
        batch_size=batch_size,
        seed=seed,
        precision=precision,
        on_step=lambda step: on_progress(step, max(steps)) if on_progress else None,
    ):
        scores += memory_scores(arm, "benign", attacked, tokenizer, probes, step=step)
    return scores
