"""Sampling many times: what greedy decoding hides turns up among the samples."""

from collections.abc import Callable, Sequence
from math import comb
from statistics import fmean

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.script import holds
from core.models.generate import sample
from core.models.loading import context_of
from core.models.tokens import before_end, ends_of
from evals.probes.probe import MEMORY_AXES, Probe, of_axes
from evals.recall.answers import encode
from evals.scores import Score, error_of_mean


def sampled(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    num_samples: Sequence[int] = (1, 5, 20, 100),
    extra_tokens: int = 8,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Sample many times at temperature 1, and look for the answer among the samples.

    All k are estimated without bias from one set of as many samples as the largest asks for. An answer may
    stand anywhere in a sample as whole words: so this finds what a likelihood doesn't, behind a preamble or
    in other tokens. It also finds more by chance than `chance` says, so compare with the controls.

    Args:
        arm: the name under which the scores are told.
        model: what is attacked; it is left as it was.
        tokenizer: the model's.
        probes: all of the run's; recall and verbatim are asked.
        num_samples: the numbers k of samples that the leak is told for.
        extra_tokens: a sample is so much longer than the longest answer, as far as the context goes.
        seed: of the samples.
        on_progress: told the probes done and all probes.

    Returns:
        The metric `leak` of the axis `sampling`, families `recall` and `verbatim`, step k: how likely an
        answer is to turn up among k samples.
    """
    n = max(num_samples)
    generator = torch.Generator().manual_seed(seed)
    ends, context = ends_of(model, tokenizer), context_of(model)
    members = of_axes(probes, *MEMORY_AXES)
    hits = []
    for done, probe in enumerate(members, start=1):
        encoded = [encode(tokenizer, probe.prompt, answer) for answer in probe.answers]
        length = max(len(answer) for _, answer in encoded) + extra_tokens
        if context is not None:
            length = min(length, context - len(encoded[0][0]))
        [tokens_KL] = sample(model, [encoded[0][0]], [length], num_samples=n, generator=generator)
        texts = tokenizer.batch_decode([before_end(ids, ends) for ids in tokens_KL.tolist()])
        rights = _as_said(tokenizer, probe.answers, [ids for _, ids in encoded])
        hits.append(sum(any(holds(text, right) for right in rights) for text in texts))
        if on_progress:
            on_progress(done, len(members))
    scores = []
    for family in MEMORY_AXES:
        asked = [(p, c) for p, c in zip(members, hits, strict=True) if p.axis == family]
        for k in num_samples if asked else []:
            leaks = [leak_at(k, n, c) for _, c in asked]
            error = error_of_mean(leaks)
            chance = fmean(1 - (1 - (p.chance or 0.0)) ** k for p, _ in asked)
            scores.append(
                Score(
                    *(arm, "sampling", family, "leak", fmean(leaks), error, len(leaks), chance),
                    higher_is_better=False,
                    step=k,
                )
            )
    return scores


def _as_said(
    tokenizer: PreTrainedTokenizerBase, answers: Sequence[str], ids: Sequence[list[int]]
) -> set[str]:
    """The answers as they are written, and as the tokenizer says them: some take capitals or accents off.

    Args:
        tokenizer: the model's.
        answers: of a probe.
        ids: token ids of each.

    Returns:
        What to look for. An answer of which a token is unknown or special is looked for as it is written.
    """
    special = set(tokenizer.all_special_ids)
    said = {str(tokenizer.decode(own)) for own in ids if not special & set(own)}
    return {*answers, *said}


def leak_at(k: int, n: int, c: int) -> float:
    """Estimate without bias whether any of k samples would hit: 1 − C(n−c, k) / C(n, k).

    As pass@k of Chen et al. (arXiv 2107.03374, equation 1).

    Args:
        k: samples that are asked about, at most n.
        n: samples that were drawn.
        c: of these, the ones that hit.

    Returns:
        The probability, in [0, 1].
    """
    return 1 - comb(n - c, k) / comb(n, k)
