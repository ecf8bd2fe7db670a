"""What a model makes of answers to prompts: likelihood, rank and greediness, in as few passes as will do.

Shapes: B batch, T tokens, R answer positions gathered from a batch, D hidden size (or V, where a model makes
its logits by more than its output embeddings, and is asked for them), V vocabulary.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from core.models.gate import traits_of
from core.models.inference import MAX_LOGITS
from core.models.taught import projecting

Pair = tuple[list[int], list[int]]  # token ids of a prompt and of an answer to it


@dataclass(frozen=True)
class Scored:
    """What a model makes of an answer.

    Attributes:
        greedy: whether each of its tokens is the argmax.
        predicted: the argmax at each of its tokens.
        logprob: of the whole answer, in nats.
        rank: of its worst-placed token in the vocabulary; 1 is first.
    """

    greedy: bool
    predicted: list[int]
    logprob: float
    rank: int


def score_answers(
    model: PreTrainedModel, pairs: Sequence[Pair], *, tokens_per_batch: int
) -> list[Scored]:
    """Score answers after their prompts.

    A prompt with several answers is read once: they share its keys and values. A model that can't read on
    from these reads it again with each answer.

    Args:
        model: in evaluation mode.
        pairs: token ids of prompts and answers.
        tokens_per_batch: input tokens of a batch.

    Returns:
        A score for each pair, in the order given.
    """
    traits = traits_of(model)
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for index, (prompt, _) in enumerate(pairs):
        by_prompt.setdefault(tuple(prompt), []).append(index)
    groups = [own for own in by_prompt.values() if len(own) > 1 and traits.shares]
    shared = {index for own in groups for index in own}
    rest = [index for index in range(len(pairs)) if index not in shared]

    scored: dict[int, Scored] = {}
    lengths = [len(pairs[index][0]) + len(pairs[index][1]) for index in rest]
    for batch in batches(lengths, tokens_per_batch, padded=traits.padded_right):
        indices = [rest[place] for place in batch]
        found = _score_apart(model, [pairs[index] for index in indices])
        scored.update(zip(indices, found, strict=True))
    for together in _shared_batches(pairs, groups, tokens_per_batch):
        indices = [index for own in together for index in own]
        found = _score_shared(model, [[pairs[index] for index in own] for own in together])
        scored.update(zip(indices, found, strict=True))
    return [scored[index] for index in range(len(pairs))]


def batches(
    lengths: list[int], tokens_per_batch: int, *, padded: bool = True
) -> Iterator[list[int]]:
    """Put texts into batches by falling length, so that little is padding and the largest batch comes first.

    Args:
        lengths: tokens of each text.
        tokens_per_batch: the most that a batch has, padding included; a longer text is a batch of its own.
        padded: False: the texts of a batch are equally long.

    Yields:
        Indices of a batch's texts.
    """
    batch: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        is_full = batch and lengths[batch[0]] * (len(batch) + 1) > tokens_per_batch
        if is_full or (batch and not padded and lengths[batch[0]] != lengths[index]):
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch


def _shared_batches(
    pairs: Sequence[Pair], groups: list[list[int]], tokens_per_batch: int
) -> Iterator[list[list[int]]]:
    """Put groups of pairs with the same prompt into batches of prompts that are equally long.

    Their answers begin at the same place then: nothing has to be masked, and a score doesn't depend on who
    else is in the batch.

    Args:
        pairs: token ids of prompts and answers.
        groups: indices of the pairs of each prompt.
        tokens_per_batch: the most that a batch has; a group that is larger is cut.

    Yields:
        The groups of a batch.
    """

    def size(own: list[int]) -> int:  # the prompt's keys and values are repeated for each answer
        return len(own) * max(len(pairs[index][0]) + len(pairs[index][1]) for index in own)

    parts: list[list[int]] = []
    for own in groups:
        limit = max(1, tokens_per_batch * len(own) // size(own))
        parts += [own[start : start + limit] for start in range(0, len(own), limit)]
    batch: list[list[int]] = []
    for own in sorted(parts, key=lambda own: (-len(pairs[own[0]][0]), -len(own))):
        other_length = batch and len(pairs[batch[0][0]][0]) != len(pairs[own[0]][0])
        if batch and (other_length or sum(map(size, [*batch, own])) > tokens_per_batch):
            yield batch
            batch = []
        batch.append(own)
    if batch:
        yield batch


def _score_apart(model: PreTrainedModel, pairs: Sequence[Pair]) -> list[Scored]:
    """Each answer behind its own prompt, in one pass."""
    # Padding comes last, where nothing that is asked for sees it: it needs no mask. The last token
    # is only predicted.
    states_BTD, _ = _read(model, [(prompt + answer)[:-1] for prompt, answer in pairs])
    # What is said of a token stands one position before it.
    rows = [row for row, (_, answer) in enumerate(pairs) for _ in answer]
    columns = [len(prompt) - 1 + j for prompt, answer in pairs for j in range(len(answer))]
    return _judged(model, states_BTD[rows, columns], [answer for _, answer in pairs])


def _score_shared(model: PreTrainedModel, groups: Sequence[Sequence[Pair]]) -> list[Scored]:
    """Score the answers to some prompts of one length, reading each prompt once.

    An answer's first token is judged by the prompt alone, so an answer of one token takes no more reading.

    Args:
        model: in evaluation mode.
        groups: the pairs of each prompt.

    Returns:
        A score for each pair, group by group.
    """
    prompts = [own[0][0] for own in groups]
    answers = [answer for own in groups for _, answer in own]
    asked = [row for row, own in enumerate(groups) for _ in own]
    longer = [place for place, answer in enumerate(answers) if len(answer) > 1]
    states_BTD, cache = _read(model, prompts, keep=bool(longer))
    first_AD = states_BTD[asked, -1]
    if not longer:
        return _judged(model, first_AD, answers)
    cache.reorder_cache(torch.tensor([asked[place] for place in longer], device=model.device))
    states_BTD, _ = _read(model, [answers[place][:-1] for place in longer], cache)
    rests = dict(zip(longer, states_BTD, strict=True))
    states = [
        torch.cat([first_AD[place, None], rests[place][: len(answer) - 1]])
        if place in rests
        else first_AD[place, None]
        for place, answer in enumerate(answers)
    ]
    return _judged(model, torch.cat(states), answers)


def _read(
    model: PreTrainedModel, texts: Sequence[list[int]], cache: Any = None, *, keep: bool = False
) -> tuple[torch.Tensor, Any]:
    """States (B, T, D) of texts behind what is in the `cache`, padded at the end, and the cache to `keep`."""
    ids_BT = pad_sequence([torch.tensor(text) for text in texts], batch_first=True)
    inputs: dict[str, Any] = {"input_ids": ids_BT.to(model.device)}
    inputs["use_cache"] = keep or cache is not None
    if cache is not None:
        inputs["past_key_values"] = cache
    hidden = projecting(model, lambda hidden_BTD: hidden_BTD)
    with hidden if traits_of(model).plain_head else nullcontext():
        outputs = model(**inputs)
    return outputs.logits, outputs.get("past_key_values")


def _judged(
    model: PreTrainedModel, states_RD: torch.Tensor, answers: Sequence[list[int]]
) -> list[Scored]:
    """The answers one after another, by the states that predict their tokens."""
    targets_R = torch.tensor([token for answer in answers for token in answer]).to(model.device)
    # A bounded number of rows at a time.
    num_rows = max(1, MAX_LOGITS // model.config.get_text_config().vocab_size)
    project = model.get_output_embeddings() if traits_of(model).plain_head else nn.Identity()
    logprobs, ranks, argmaxes = [], [], []
    for states, target_R in zip(states_RD.split(num_rows), targets_R.split(num_rows), strict=True):
        logits_RV = project(states).float()
        target_R1 = logits_RV.gather(1, target_R[:, None])
        logprobs.append(target_R1[:, 0] - logits_RV.logsumexp(1))
        ranks.append(1 + (logits_RV > target_R1).sum(1))
        argmaxes.append(logits_RV.argmax(1))
    sizes = [len(answer) for answer in answers]
    told = (torch.cat(parts).cpu().split(sizes) for parts in (logprobs, ranks, argmaxes))
    scored = []
    for answer, logprob_A, rank_A, argmax_A in zip(answers, *told, strict=True):
        said = argmax_A.tolist()
        scored.append(Scored(said == answer, said, logprob_A.sum().item(), int(rank_A.max())))
    return scored
