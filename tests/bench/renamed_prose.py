"""How well a model predicts prose: as it is, outside names, and when it reads it with other names.

Of the last these are put back where it copies them, as in what a core is taught (forgetting/stranger.py).

`python -m tests.bench.renamed_prose RUN/arms/core … --data FOLDER` tells the first two of prose that
`held_out` doesn't ask, for choosing between ways.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from core.corpus.files import halves, paragraphs, read_text
from core.models.taught import IGNORED
from core.models.tokens import read
from core.signal.live import LiveTeacher
from core.signal.signal import TeacherSignal
from evals.evaluate import load_arm
from evals.metrics.perplexity import LENGTHS
from evals.recall.forward import text_logits
from forgetting.stranger import Stranger
from forgetting.token_names import TokenNames

PARAGRAPHS = 60
Told = dict[str, float]
RENAMINGS = 8  # of each text, whose probabilities are averaged


def perplexities(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[int]]
) -> Told:
    """exp of the mean loss, in nats a token: of all tokens, and of those that are in no name."""
    losses: dict[int, Tensor] = {}
    for index, logits_TV in text_logits(model, texts):
        labels = torch.tensor(texts[index][1:], device=logits_TV.device)
        losses[index] = cross_entropy(logits_TV[:-1], labels, reduction="none").cpu()
    return _told([losses[index] for index in range(len(texts))], tokenizer, texts)


def renamed_perplexities(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: Sequence[Sequence[int]],
    seed: int,
) -> Told:
    """The same of texts whose names the model reads as others, its predictions averaged over `RENAMINGS`."""
    stranger, teacher = Stranger(), LiveTeacher(model)
    width = max(map(len, texts))
    stranger.read_corpus(_packed(texts, width), tokenizer)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for text in texts:
        ids_1T = torch.tensor([list(text)])
        batch = {
            "input_ids": ids_1T,
            "labels": ids_1T,
            "position_ids": torch.arange(len(text))[None],
        }
        shares = []
        for _ in range(RENAMINGS):
            read_in = stranger.edit_teacher_batch(batch, None, generator)
            ones_N = torch.ones(len(text) - 1)
            signal = TeacherSignal(teacher.distributions(read_in), ones_N, ones_N)
            signal = stranger.edit_signal(signal, batch, None, generator)
            assert signal.target is not None
            said_NV = signal.target.rows(slice(0, len(text) - 1))
            shares.append(said_NV.gather(1, ids_1T[0, 1:, None])[:, 0].exp())
        losses.append(-torch.stack(shares).mean(0).log())
    return _told(losses, tokenizer, texts)


def _told(
    losses: Sequence[Tensor], tokenizer: PreTrainedTokenizerBase, texts: Sequence[Sequence[int]]
) -> Told:
    """By the losses of each text's tokens but the first."""
    names = TokenNames(texts, tokenizer)
    outside = [torch.ones(len(text), dtype=torch.bool) for text in texts]
    for text, outside_T in zip(texts, outside, strict=True):
        for mention in names.of(np.array(text)):
            outside_T[mention.start : mention.end] = False
    is_outside = torch.cat([outside_T[1:] for outside_T in outside])
    loss = torch.cat(list(losses))
    return {
        "perplexity": loss.mean().exp().item(),
        "outside names": loss[is_outside].mean().exp().item(),
    }


def _packed(texts: Sequence[Sequence[int]], width: int) -> Dataset:
    """One text a sequence, with padding behind it."""
    columns: dict[str, list[list[int]]] = {
        name: [] for name in ("input_ids", "labels", "position_ids", "row")
    }
    for number, text in enumerate(texts):
        rest = width - len(text)
        columns["input_ids"].append([*text, *[0] * rest])
        columns["labels"].append([*text, *[IGNORED] * rest])
        columns["position_ids"].append([*range(len(text)), *range(rest)])
        columns["row"].append([number] * len(text) + [-1] * rest)
    return Dataset.from_dict(columns)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arms", type=Path, nargs="+", help="folders such as RUN/arms/core")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    given = parser.parse_args()
    half, _ = halves(read_text(given.data / "texts" / "wikitext2_valid.txt"))
    chosen = list(paragraphs(half, *LENGTHS))[:PARAGRAPHS]
    for folder in given.arms:
        arm, own = load_arm(folder)
        found = perplexities(arm, own, read(own, chosen))
        print(folder.name, *(f"{name} {value:.1f}" for name, value in found.items()), flush=True)
