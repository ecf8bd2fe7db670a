"""Perplexity is that of the held-out prose, token by token."""

import math
from pathlib import Path

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel

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
        ids = ids[:, :128]  # what the model reads
        with torch.no_grad():
            logprobs = model(ids).logits[0, :-1].log_softmax(-1)
        losses += (-logprobs.gather(1, ids[0, 1:, None])).flatten().tolist()
    assert score.value == pytest.approx(math.exp(sum(losses) / len(losses)), rel=1e-4)
    assert 0 < score.stderr < score.value


def test_without_texts_there_is_none_and_a_missing_one_is_told(model, subject) -> None:
    assert perplexity(subject(model, []), texts=[], num_paragraphs=3).scores == []
    with pytest.raises(UserError, match=r"no\.txt can't be read"):
        perplexity(subject(model, []), texts=["no.txt"], num_paragraphs=3)


def test_ordinary_prose_is_read_as_far_as_the_context_goes(
    tmp_path: Path, make_model, tokenizer, subject
) -> None:
    lines = (" ".join(f"Line {n} says {m} and {WORDS}." for m in range(60)) for n in range(4))
    (tmp_path / "P.txt").write_text("\n".join(lines))
    short = make_model(len(tokenizer), max_position_embeddings=32)
    [score] = perplexity(
        subject(short, []), texts=[str(tmp_path / "P.txt")], num_paragraphs=3
    ).scores
    assert score.n == 3
    config = GPT2Config(vocab_size=len(tokenizer), n_embd=16, n_layer=1, n_head=2, n_positions=32)
    learned_places = GPT2LMHeadModel(config).eval()  # beyond which it can't read at all
    [score] = perplexity(
        subject(learned_places, []), texts=[str(tmp_path / "P.txt")], num_paragraphs=3
    ).scores
    assert score.value == pytest.approx(len(tokenizer), rel=0.2)
