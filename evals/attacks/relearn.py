"""Relearning: teach half of the facts again and see whether the other half comes back.

What was suppressed returns when a little of it is taught; what was never there doesn't. After
Deeb & Roger, "Do Unlearning Methods Remove Information from Language Model Weights?" (2024).
"""

from collections.abc import Callable, Sequence
from copy import deepcopy

import torch
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from evals.probes.probe import Probe
from evals.recall.answers import answer_probes, encode
from evals.scores import Score, accuracy

NUM_WARMUP_STEPS = 10
IGNORED = -100


def relearn(
    arm: str,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    probes: Sequence[Probe],
    *,
    steps: Sequence[int] = (0, 25, 100, 400),
    learning_rate: float = 1e-3,
    batch_size: int = 32,
    seed: int = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Score]:
    """Fine-tune a copy of the model on the recall probes of half a; at each of `steps`, score the
    recall of half b (axis `relearn_disjoint`) and of half a (`relearn_direct`).

    The text is prompt and first answer, the loss on all of its tokens. `on_progress` is told
    (step, last step). Empty when either half has no recall probes: not measured, rather than 0.
    """
    half_a = [probe for probe in probes if probe.axis == "recall" and probe.half == "a"]
    half_b = [probe for probe in probes if probe.axis == "recall" and probe.half == "b"]
    if not half_a or not half_b:
        return []
    # Evaluation mode throughout: dropout would only draw from the global random state.
    attacked = deepcopy(model).float().eval().requires_grad_(True)
    batches = _Batches([_text(tokenizer, probe) for probe in half_a], batch_size, seed)
    optimizer = torch.optim.AdamW(attacked.parameters(), lr=learning_rate)
    warmup = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / NUM_WARMUP_STEPS)
    )
    scores = []
    last = max(steps)
    for step in range(last + 1):
        if step in steps:
            for axis, half in (("relearn_disjoint", half_b), ("relearn_direct", half_a)):
                answers = answer_probes(attacked, tokenizer, half)
                scores.append(
                    accuracy(arm, axis, "all", half, answers, higher_is_better=False, step=step)
                )
        if on_progress:
            on_progress(step, last)
        if step < last:
            _loss(attacked, batches.next()).backward()
            optimizer.step()
            optimizer.zero_grad()
            warmup.step()
    return scores


def _text(tokenizer: PreTrainedTokenizerBase, probe: Probe) -> torch.Tensor:
    prompt, answer = encode(tokenizer, probe.prompt, probe.answers[0])
    return torch.tensor(prompt + answer)


class _Batches:
    """Texts in a new order each epoch; the last, smaller batch of an epoch is kept."""

    def __init__(self, texts: list[torch.Tensor], batch_size: int, seed: int):
        self.texts = texts
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.order: list[int] = []

    def next(self) -> list[torch.Tensor]:
        if not self.order:
            self.order = torch.randperm(len(self.texts), generator=self.generator).tolist()
        chosen, self.order = self.order[: self.batch_size], self.order[self.batch_size :]
        return [self.texts[index] for index in chosen]


def _loss(model: PreTrainedModel, texts: list[torch.Tensor]) -> torch.Tensor:
    labels_BT = pad_sequence(texts, batch_first=True, padding_value=IGNORED).to(model.device)
    mask_BT = (labels_BT != IGNORED).long()
    logits_BTV = model(
        input_ids=labels_BT.clamp(min=0), attention_mask=mask_BT, use_cache=False
    ).logits
    return cross_entropy(
        logits_BTV[:, :-1].flatten(0, 1).float(), labels_BT[:, 1:].flatten(), ignore_index=IGNORED
    )
