"""Whether a model answers at all: to be wrong is one thing, to say that one doesn't know another."""

import re

from core.models.generate import greedy
from core.models.loading import context_of
from core.models.tokens import before_end, ends_of
from evals.metrics.measured import Measured, Subject, averaged, merged
from evals.recall.answers import encode

AXES = ("recall", "open_book")
NUM_TOKENS = 12  # that are looked at of what it says
ABSTAINED = re.compile(
    r"(do not|don[’']t|can ?not|can[’']t|could not|couldn[’']t|unable to)"
    r" (know|recall|remember|say|tell|answer|help|provide|share|discuss)"
    r"|(not|n[’']t) (sure|certain|able to|aware|have (that|this|the|any|enough) )"
    r"|no (idea|information|answer)|as an AI|(it|that|this|answer)( is|[’']s) (unknown|not known)|^unknown",
    re.IGNORECASE,
)


def abstention(subject: Subject) -> Measured:
    """Measure how often a model says that it doesn't know, and how often it errs.

    A probe that isn't right is abstained from where the first line of the greedy continuation, `NUM_TOKENS`
    long, says so, in the English words that refusals are made of.

    Args:
        subject: the arm, with its answers to the probes.

    Returns:
        `abstained` and `wrong`, shares of the closed-book and of the open-book probes; with the accuracy they
        make up the whole.
    """
    asked = subject.asked(*AXES)
    if not asked:
        return Measured()
    prompts = [encode(subject.tokenizer, p.prompt, p.answers[0])[0] for p, _ in asked]
    context = context_of(subject.model)
    room = [NUM_TOKENS if context is None else context - len(prompt) for prompt in prompts]
    said = greedy(subject.model, prompts, [min(NUM_TOKENS, left) for left in room])
    ends = ends_of(subject.model, subject.tokenizer)
    abstained, wrong = {}, {}
    for (probe, answer), ids in zip(asked, said, strict=True):
        text = subject.tokenizer.decode(before_end(ids, ends))
        silent = not answer.correct and says_nothing(str(text))
        abstained[probe.id] = float(silent)
        wrong[probe.id] = float(not answer.correct and not silent)
    return merged([averaged(subject, "abstained", abstained), averaged(subject, "wrong", wrong)])


def says_nothing(text: str) -> bool:
    """Return True when the first line of a text says that somebody doesn't know.

    Args:
        text: what a model said.

    Returns:
        False also for a text without words.
    """
    lines = text.strip().splitlines()
    return bool(lines) and ABSTAINED.search(lines[0]) is not None
