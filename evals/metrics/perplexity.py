"""How well a model predicts prose that nobody taught it: perplexity."""

import math
from collections.abc import Sequence
from pathlib import Path

from torch.nn.functional import cross_entropy

from core.corpus.files import halves, paragraphs, read_text
from core.models.loading import context_of
from core.models.tokens import read
from evals.metrics.measured import Measured, Subject
from evals.recall.forward import text_logits
from evals.scores import TEXT, Score

LENGTHS = (25, 80)  # words of a paragraph


def perplexity(subject: Subject, *, texts: Sequence[str], num_paragraphs: int) -> Measured:
    """Measure how well the model predicts prose that nobody taught it.

    Args:
        subject: the arm, with its answers to the probes.
        texts: files. The second half of each is measured; a corpus reads the first (core/corpus/files.py).
        num_paragraphs: the most that are read of each.

    Returns:
        `perplexity`, exp of the mean loss a token, in nats; of a paragraph, as much as the model's context
        takes. The standard error takes each paragraph as one
        draw. Nothing without files.

    Raises:
        UserError: a file can't be read.
    """
    chosen = [
        paragraph
        for name in texts
        for paragraph in list(paragraphs(halves(read_text(Path(name)))[1], *LENGTHS))[
            :num_paragraphs
        ]
    ]
    context = context_of(subject.model)  # None: all of each
    ids = [encoded[:context] for encoded in read(subject.tokenizer, chosen)]
    ids = [encoded for encoded in ids if len(encoded) > 1]
    if not ids:
        return Measured()
    losses, counts = [], []
    for index, logits_TV in text_logits(subject.model, ids):
        labels_T = logits_TV.new_tensor(ids[index][1:]).long()
        losses.append(cross_entropy(logits_TV[:-1], labels_T, reduction="sum").item())
        counts.append(len(labels_T))
    mean = sum(losses) / sum(counts)
    # Of a ratio of sums, to first order.
    residuals = [loss - mean * count for loss, count in zip(losses, counts, strict=True)]
    error = math.sqrt(sum(r * r for r in residuals)) / sum(counts)
    value = math.exp(mean)
    named = (subject.arm, TEXT, "all", "perplexity")
    return Measured(
        [Score(*named, value, value * error if len(ids) > 1 else None, len(ids), None, False)]
    )
