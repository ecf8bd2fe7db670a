"""Answer probes: greedily under teacher forcing, and by likelihood."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.joined import encode_all
from core.errors import UserError
from core.models.loading import context_of
from evals.probes.answer import Answer
from evals.probes.probe import CHOICE, Probe
from evals.recall.choices import apart
from evals.recall.likelihood import Scored, score_answers

# Input tokens of a batch, by default: a larger one fills a GPU, and overflows a CPU's caches.
TOKENS_PER_BATCH, CPU_TOKENS_PER_BATCH = 2**14, 2**11


def encode(
    tokenizer: PreTrainedTokenizerBase, prompt: str, answer: str
) -> tuple[list[int], list[int]]:
    """Encode a prompt and the answer behind it, as `encode_all` does (core/corpus/joined.py).

    Args:
        tokenizer: the model's.
        prompt: the text that is given.
        answer: the text that is asked for.

    Returns:
        Token ids of the prompt, and of the answer.
    """
    return encode_all(tokenizer, [(prompt, answer)])[0]


@torch.no_grad()
def answer_probes(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    tokens_per_batch: int | None = None,
) -> list[Answer]:
    """Let a model answer probes.

    An answer is right when each of its tokens is the argmax given what precedes it, which is greedy decoding
    cut at the answer's length. For `language` and for probes of the form `choice` it is right when no wrong
    choice is as likely; a choice from which others go on counts without these (see `apart`).

    Args:
        model: any causal model; it is left in the mode it was in.
        tokenizer: the model's.
        probes: the questions.
        tokens_per_batch: input tokens of a batch; None: as many as the device takes well.

    Returns:
        An answer for each probe, in the order given.

    Raises:
        UserError: a probe can't be asked (see `askable`), or the model's logits aren't numbers.
    """
    texts = [list(dict.fromkeys((*probe.answers, *probe.choices))) for probe in probes]
    asked = [
        (probe, text)
        for probe, candidates in zip(probes, texts, strict=True)
        for text in candidates
    ]
    pairs = encode_all(tokenizer, [(probe.prompt, text) for probe, text in asked])
    context = context_of(model)
    for (probe, _), (prompt, answer) in zip(asked, pairs, strict=True):
        if trouble := _trouble(model, tokenizer, context, prompt, answer):
            raise UserError(f"probe '{probe.id}' {trouble}; shorten or change it, or leave it out")

    if tokens_per_batch is None:
        on_cpu = model.device.type == "cpu"
        tokens_per_batch = CPU_TOKENS_PER_BATCH if on_cpu else TOKENS_PER_BATCH
    was_training = model.training
    model.eval()
    try:
        scored = score_answers(model, pairs, tokens_per_batch=tokens_per_batch)
    finally:
        model.train(was_training)

    told = zip(pairs, scored, strict=True)
    answers = []
    for probe, candidates in zip(probes, texts, strict=True):
        by_text, tokens = {}, {}
        for text in candidates:
            (_, tokens[text]), by_text[text] = next(told)
        answers.append(_judge(probe, by_text, tokens, tokenizer))
    return answers


def askable(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, probes: Sequence[Probe]
) -> tuple[list[Probe], list[str]]:
    """Tell which probes a model can be asked.

    It can't where the tokenizer makes no tokens of a prompt or of an answer, where a token has no row in the
    model, and where both together are longer than the model's context.

    Args:
        model: any causal model.
        tokenizer: the model's.
        probes: the questions.

    Returns:
        Those that can be asked, and a line about each other one.
    """
    texts = [(n, text) for n, p in enumerate(probes) for text in (*p.answers, *p.choices)]
    pairs = encode_all(tokenizer, [(probes[number].prompt, text) for number, text in texts])
    troubles: dict[int, str] = {}
    context = context_of(model)
    for (number, _), (prompt, answer) in zip(texts, pairs, strict=True):
        if trouble := _trouble(model, tokenizer, context, prompt, answer):
            troubles[number] = f"probe '{probes[number].id}' {trouble}"
    fitting = [probe for number, probe in enumerate(probes) if number not in troubles]
    return fitting, list(troubles.values())


def _trouble(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    context: int | None,
    prompt: list[int],
    answer: list[int],
) -> str:
    """Why an answer behind a prompt can't be asked for; nothing where it can."""
    if not (prompt and answer):
        return "has text that the tokenizer makes no tokens of"
    rows = model.get_input_embeddings().weight.shape[0]  # type: ignore[index, union-attr]
    highest = max(prompt + answer)
    if highest >= rows:
        token = tokenizer.convert_ids_to_tokens(highest)
        return f"has the token '{token}', which the model has no row for"
    if context is not None and len(prompt) + len(answer) > context:
        return f"has {len(prompt) + len(answer)} tokens and the model reads {context}"
    return ""


def _judge(
    probe: Probe,
    by_text: dict[str, Scored],
    tokens: dict[str, list[int]],
    tokenizer: PreTrainedTokenizerBase,
) -> Answer:
    right = [by_text[text] for text in probe.answers]
    logprob = max(score.logprob for score in right)
    if logprob != logprob:
        raise UserError(
            f"probe '{probe.id}': the model's logits aren't numbers; its training diverged"
        )
    if probe.choices:
        logprobs = {text: score.logprob for text, score in by_text.items()}
        likely = apart(logprobs, tokens, probe.answers)
        best = max(likely[text] for text in probe.answers)
        # A wrong choice that is as likely counts as ahead: a model that can't tell isn't right.
        rank = 1 + sum(likely[text] >= best for text in likely if text not in probe.answers)
        if probe.axis == "language" or probe.form == CHOICE:
            likeliest = max(likely, key=lambda text: likely[text])
            return Answer(probe.id, rank == 1, likeliest, logprob, rank)
    else:
        rank = min(score.rank for score in right)
    shown = max(right, key=lambda score: (score.greedy, score.logprob))
    predicted = str(tokenizer.decode(shown.predicted)).strip()
    return Answer(probe.id, shown.greedy, predicted, logprob, rank)
