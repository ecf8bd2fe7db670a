"""Fine-tune a copy of a model on a few texts, and stop at some steps to look at it."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.models.attention import fast_attention
from core.models.precision import in_bfloat16
from evals.probes.probe import Probe
from evals.recall.answers import encode

NUM_WARMUP_STEPS = 10
IGNORED = -100


def fine_tuned(
    model: PreTrainedModel,
    texts: Sequence[Tensor],
    *,
    steps: Sequence[int],
    learning_rate: float,
    batch_size: int,
    seed: int,
    precision: str = "float32",
    on_step: Callable[[int], None] = lambda step: None,
) -> Iterator[tuple[int, PreTrainedModel]]:
    """Fine-tune a copy of a model, and stop at some steps to look at it.

    AdamW with a short warmup; the loss is the mean over all tokens of a batch. It ends early where the loss
    stops being finite: a broken model has nothing to tell.

    Args:
        model: the one to copy.
        texts: token ids (T,), of any lengths.
        steps: after which to stop; 0 is before training.
        learning_rate: after the warmup.
        batch_size: texts a step.
        seed: of the order of the texts.
        precision: of its products, as in training (core/models/precision.py).
        on_step: told each step.

    Yields:
        A step of `steps`, and the copy as it is then.
    """
    # Evaluation mode throughout: dropout would only draw from the global random state.
    attacked = deepcopy(model).float().eval().requires_grad_(True)
    batches, reduced = _Batches(texts, batch_size, seed), in_bfloat16(precision)
    optimizer = torch.optim.AdamW(attacked.parameters(), lr=learning_rate, fused=True)
    warmup = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / NUM_WARMUP_STEPS)
    )
    with fast_attention(attacked, max(map(len, texts)), reduced):
        for step in range(max(steps) + 1):
            with torch.autocast(attacked.device.type, torch.bfloat16, enabled=reduced):
                loss = _loss(attacked, batches.next())
            if not loss.isfinite():
                return
            if step in steps:
                yield step, attacked
            on_step(step)
            if step < max(steps):
                loss.backward()
                optimizer.step()
                optimizer.zero_grad()
                warmup.step()


def text_of(tokenizer: PreTrainedTokenizerBase, probe: Probe) -> Tensor:
    """Encode a probe as a text to train on.

    Args:
        tokenizer: the model's.
        probe: the probe.

    Returns:
        Token ids (T,) of its prompt and its first answer.
    """
    prompt, answer = encode(tokenizer, probe.prompt, probe.answers[0])
    return torch.tensor(prompt + answer)


class _Batches:
    """Texts in a new order each epoch; the last, smaller batch of an epoch is kept."""

    def __init__(self, texts: Sequence[Tensor], batch_size: int, seed: int):
        self.texts = texts
        self.batch_size = batch_size
        self.generator = torch.Generator().manual_seed(seed)
        self.order: list[int] = []

    def next(self) -> list[Tensor]:
        if not self.order:
            self.order = torch.randperm(len(self.texts), generator=self.generator).tolist()
        chosen, self.order = self.order[: self.batch_size], self.order[self.batch_size :]
        return [self.texts[index] for index in chosen]


def _loss(model: PreTrainedModel, texts: list[Tensor]) -> Tensor:
    labels_BT = pad_sequence(texts, batch_first=True, padding_value=IGNORED).to(model.device)
    mask_BT = (labels_BT != IGNORED).long()
    logits_BTV = model(
        input_ids=labels_BT.clamp(min=0), attention_mask=mask_BT, use_cache=False
    ).logits
    return cross_entropy(
        logits_BTV[:, :-1].flatten(0, 1).float(), labels_BT[:, 1:].flatten(), ignore_index=IGNORED
    )
