"""Answer probes: greedily under teacher forcing, and by likelihood, in one forward pass a batch.

Shapes: B batch, T tokens, R answer positions gathered from a batch, D hidden size, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.errors import UserError
from evals.probes.probe import CHOICE, Probe

# Models that change their logits after the output embedding: those are asked for whole logits.
LOGIT_CHANGES = (
    "final_logit_softcapping",
    "output_logit_soft_cap",
    "logits_scaling",
    "logits_soft_cap",
    "logit_scale",
    "lm_head_multiplier",
)

# Input tokens of a batch, by default: a larger one fills a GPU, and overflows a CPU's caches.
TOKENS_PER_BATCH, CPU_TOKENS_PER_BATCH = 2**14, 2**11

# At most this many logits are held at once, so that a large vocabulary doesn't fill the memory.
MAX_LOGITS = 2**26


@dataclass(frozen=True)
class Answer:
    """What a model said to the probe `id`.

    `correct`: by the rule of the probe's axis. `predicted`: the greedy text in the answer's place
    (by choice, the likeliest one). `logprob`: of the likeliest right answer, in nats.
    `rank`: of the right answer among the choices, or of its worst-placed token in the vocabulary;
    1 is first.
    """

    id: str
    correct: bool
    predicted: str
    logprob: float
    rank: int


@dataclass(frozen=True)
class _Scored:
    greedy: bool
    predicted: list[int]
    logprob: float
    rank: int


def encode(
    tokenizer: PreTrainedTokenizerBase, prompt: str, answer: str
) -> tuple[list[int], list[int]]:
    """Token ids of the prompt and of the answer after its space; see `encode_all`."""
    return encode_all(tokenizer, [(prompt, answer)])[0]


def encode_all(
    tokenizer: PreTrainedTokenizerBase, pairs: Sequence[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    """Token ids of each prompt and of its answer after one space, in the order given.

    The answer is what the joined text has beyond the prompt's tokens, and white space at the
    prompt's end counts with it, as in lm-evaluation-harness: so a SentencePiece tokenizer is read
    right, and one that begins a text with a special token does so here.
    """
    if not pairs:
        return []
    prompts = list(dict.fromkeys(prompt.rstrip() for prompt, _ in pairs))
    texts = [f"{prompt} {answer}" for prompt, answer in pairs]
    ids = tokenizer(prompts + texts)["input_ids"]
    by_prompt = dict(zip(prompts, ids, strict=False))
    encoded = []
    for (prompt, _), whole in zip(pairs, ids[len(prompts) :], strict=True):
        opening = by_prompt[prompt.rstrip()]
        encoded.append((opening, whole[len(opening) :]))
    return encoded


@torch.no_grad()
def answer_probes(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    tokens_per_batch: int | None = None,
) -> list[Answer]:
    """Answer each probe, in the order given.

    An answer is right when each of its tokens is the argmax given what precedes it, which is
    greedy decoding cut at the answer's length; for `language` and for probes of the form `choice`,
    when no wrong choice is as likely.
    Raises `UserError` when a probe is longer than the model's context, or the model gives no
    numbers, or the tokenizer no tokens.
    """
    texts = [list(dict.fromkeys((*probe.answers, *probe.choices))) for probe in probes]
    asked = [
        (probe, text)
        for probe, candidates in zip(probes, texts, strict=True)
        for text in candidates
    ]
    pairs = encode_all(tokenizer, [(probe.prompt, text) for probe, text in asked])
    for (probe, _), (prompt, answer) in zip(asked, pairs, strict=True):
        if not (prompt and answer):
            raise UserError(f"probe '{probe.id}': the tokenizer makes no tokens of some of it")
        _check_length(probe, len(prompt) + len(answer), model)

    if tokens_per_batch is None:
        on_cpu = model.device.type == "cpu"
        tokens_per_batch = CPU_TOKENS_PER_BATCH if on_cpu else TOKENS_PER_BATCH
    was_training = model.training
    model.eval()
    try:
        scored = iter(_score(model, pairs, tokens_per_batch))
    finally:
        model.train(was_training)

    answers = []
    for probe, candidates in zip(probes, texts, strict=True):
        by_text = {text: next(scored) for text in candidates}
        answers.append(_judge(probe, by_text, tokenizer))
    return answers


def _check_length(probe: Probe, num_tokens: int, model: PreTrainedModel) -> None:
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and num_tokens > limit:
        raise UserError(
            f"probe '{probe.id}' has {num_tokens} tokens and the model reads {limit};"
            " shorten its prompt or leave it out"
        )


def _judge(probe: Probe, by_text: dict[str, _Scored], tokenizer: PreTrainedTokenizerBase) -> Answer:
    right = [by_text[text] for text in probe.answers]
    logprob = max(score.logprob for score in right)
    if logprob != logprob:
        raise UserError(
            f"probe '{probe.id}': the model's logits aren't numbers; its training diverged"
        )
    if probe.choices:
        # A wrong choice that is as likely counts as ahead: a model that can't tell isn't right.
        wrong = [score for text, score in by_text.items() if text not in probe.answers]
        rank = 1 + sum(score.logprob >= logprob for score in wrong)
    else:
        rank = min(score.rank for score in right)
    if probe.choices and (probe.axis == "language" or probe.form == CHOICE):
        likeliest = max(by_text, key=lambda text: by_text[text].logprob)
        return Answer(probe.id, rank == 1, likeliest, logprob, rank)
    shown = max(right, key=lambda score: (score.greedy, score.logprob))
    predicted = str(tokenizer.decode(shown.predicted)).strip()
    return Answer(probe.id, shown.greedy, predicted, logprob, rank)


def _score(
    model: PreTrainedModel, pairs: list[tuple[list[int], list[int]]], tokens_per_batch: int
) -> list[_Scored]:
    results: dict[int, _Scored] = {}
    for batch in batches([len(p) + len(a) for p, a in pairs], tokens_per_batch):
        for index, score in zip(batch, _score_batch(model, [pairs[i] for i in batch]), strict=True):
            results[index] = score
    return [results[index] for index in range(len(pairs))]


def batches(lengths: list[int], tokens_per_batch: int) -> Iterator[list[int]]:
    """Indices by falling length, so that little is padding and the largest batch comes first."""
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if batch and lengths[batch[0]] * (len(batch) + 1) > tokens_per_batch:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _score_batch(
    model: PreTrainedModel, pairs: list[tuple[list[int], list[int]]]
) -> Iterator[_Scored]:
    device = model.device
    # Padding comes last, where nothing that is asked for sees it: it needs no mask. The last token
    # is only predicted.
    sequences = [torch.tensor((prompt + answer)[:-1]) for prompt, answer in pairs]
    ids_BT = pad_sequence(sequences, batch_first=True).to(device)
    # The logits for a token stand one position before it.
    rows_R = torch.tensor([i for i, (_, answer) in enumerate(pairs) for _ in answer], device=device)
    columns_R = torch.tensor(
        [len(prompt) - 1 + j for prompt, answer in pairs for j in range(len(answer))],
        device=device,
    )
    targets_R = torch.tensor([token for _, answer in pairs for token in answer], device=device)

    logprobs, ranks, argmaxes = [], [], []
    for logits_RV, target_R in _logits(model, ids_BT, rows_R, columns_R, targets_R):
        target_R1 = logits_RV.gather(1, target_R[:, None])
        logprobs.append(target_R1[:, 0] - logits_RV.logsumexp(1))
        ranks.append(1 + (logits_RV > target_R1).sum(1))
        argmaxes.append(logits_RV.argmax(1))

    sizes = [len(answer) for _, answer in pairs]
    for (_, answer), logprob_A, rank_A, argmax_A in zip(
        pairs,
        torch.cat(logprobs).cpu().split(sizes),
        torch.cat(ranks).cpu().split(sizes),
        torch.cat(argmaxes).cpu().split(sizes),
        strict=True,
    ):
        predicted = argmax_A.tolist()
        yield _Scored(predicted == answer, predicted, logprob_A.sum().item(), int(rank_A.max()))


def _logits(
    model: PreTrainedModel,
    ids_BT: torch.Tensor,
    rows_R: torch.Tensor,
    columns_R: torch.Tensor,
    targets_R: torch.Tensor,
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Logits at the gathered positions with their targets, a bounded number of rows at a time."""
    inputs = {"input_ids": ids_BT, "use_cache": False}
    config = model.config.get_text_config()
    if any(getattr(config, name, None) is not None for name in LOGIT_CHANGES):
        yield model(**inputs).logits[rows_R, columns_R].float(), targets_R
        return
    hidden_RD = model.base_model(**inputs).last_hidden_state[rows_R, columns_R]
    head = model.get_output_embeddings()
    num_rows = max(1, MAX_LOGITS // config.vocab_size)
    for hidden, target_R in zip(hidden_RD.split(num_rows), targets_R.split(num_rows), strict=True):
        yield head(hidden).float(), target_R
