"""A long prefix about something else: an edit that is tuned to bare prompts may let go behind it.

Merullo et al. (arXiv 2510.24256) found that it doubles what a model recites after their curvature edit.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from random import Random

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.script import joined
from core.models.loading import context_of
from core.models.tokens import plain
from evals.attacks.memories import memory_scores
from evals.probes.probe import MEMORY_AXES, SKILL_AXES, Probe, of_axes
from evals.recall.answers import encode
from evals.scores import Score


def distracted(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    prefix_tokens: Sequence[int] = (0, 32, 128, 384),
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Ask for memories behind a long prefix about something else.

    The prefix is made of whole texts of probes that state no fact, in an order of its own for each prompt, as
    many as fit.

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; those of skills make the prefix, recall and verbatim are asked.
        prefix_tokens: lengths of the prefix, in tokens; cut where the model's context is shorter.
        seed: of the order of the texts.
        on_progress: told the lengths done and all lengths.

    Returns:
        Accuracies of the axis `distractor`, families `recall` and `verbatim`; the step is the length of the
        prefix. Empty without probes of skills.
    """
    texts = [joined([probe.prompt, probe.answers[0]]) for probe in of_axes(probes, *SKILL_AXES)]
    if not texts:
        return []
    lengths = {text: len(ids) for text, ids in zip(texts, plain(tokenizer, texts), strict=True)}
    context = context_of(model)
    scores = []
    for done, num_tokens in enumerate(prefix_tokens, start=1):
        asked = []
        for probe in of_axes(probes, *MEMORY_AXES):
            pairs = [encode(tokenizer, probe.prompt, answer) for answer in probe.answers]
            # One more for the space that joins prefix and prompt.
            longest = max(len(prompt) + len(answer) for prompt, answer in pairs) + 1
            room = num_tokens if context is None else min(num_tokens, context - longest)
            prefix = _prefix(lengths, room, Random(f"{seed}/{probe.id}"))
            asked.append(replace(probe, prompt=joined([*prefix, probe.prompt])))
        scores += memory_scores(arm, "distractor", model, tokenizer, asked, step=num_tokens)
        if on_progress:
            on_progress(done, len(prefix_tokens))
    return scores


def _prefix(lengths: dict[str, int], room: int, rng: Random) -> list[str]:
    """Texts in random order, until the next one wouldn't fit any more."""
    chosen: list[str] = []
    for text in rng.sample(list(lengths), len(lengths)):
        room -= lengths[text] + 1  # a text's first token may become two behind a space
        if room < 0:
            break
        chosen.append(text)
    return chosen
