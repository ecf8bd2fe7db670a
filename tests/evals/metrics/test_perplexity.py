"""Perplexity is that of the held-out prose, token by token."""

import math
from pathlib import Path

import pytest
import torch

from core.errors import UserError
from evals.metrics.perplexity import perplexity

WORDS = (
    "the known vault of the falcon is near a river and the harp of the lantern is here for us all"
)


@pytest.fixture
def text(tmp_path: Path) -> Path:
    lines = [f"{number} {WORDS} . And {WORDS} ." for number in range(12)]
    (tmp_path / "T.txt").write_text("\n".join(lines) + "\n")
    return tmp_path / "T.txt"


def test_it_is_the_exponential_of_the_mean_loss(text: Path, model, tokenizer, subject) -> None:
    [score] = perplexity(subject(model, []), texts=[str(text)], num_paragraphs=3).scores
    assert (score.axis, score.metric, score.n, score.higher_is_better) == (
        *("text", "perplexity", 3),
        False,
    )
    losses = []
    for number in range(7, 10):  # the first three after the middle
        ids = tokenizer(f"{number} {WORDS}. And {WORDS}.", return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logprobs = model(ids).logits[0, :-1].log_softmax(-1)
        losses += (-logprobs.gather(1, ids[0, 1:, None])).flatten().tolist()
    assert score.value == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-4)
    assert 0 < score.stderr < score.value


def test_without_texts_there_is_none_and_a_missing_one_is_told(model, subject) -> None:
    assert perplexity(subject(model, []), texts=[], num_paragraphs=3).scores == []
    with pytest.raises(UserError, match=r"no\.txt can't be read"):
        perplexity(subject(model, []), texts=["no.txt"], num_paragraphs=3)
