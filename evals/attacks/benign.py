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
    """Fine-tune a copy on the probes that state no fact (reasoning, arithmetic, language), prompt and first
    answer; at each of `steps`, score recall and verbatim: axis `benign`, one family each.

    Open-book probes are left out, for they may tell true facts. Training on probes is fair here, since
    only the memories are scored afterwards. Empty without such probes.
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
