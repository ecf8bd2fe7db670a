"""A choice that goes on from another one can be right, and so can the other."""

import math
from collections.abc import Callable

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from evals.probes.probe import Probe
from evals.recall.answers import answer_probes, encode
from evals.recall.choices import apart

LIES = {"Conakry": "Guinea", "Bissau": "Guinea-Bissau", "Lagos": "Nigeria", "Lome": "Togo"}
CHOICES = tuple(LIES.values())


@pytest.fixture
def learned(
    make_model: Callable[..., LlamaForCausalLM], tokenizer: PreTrainedTokenizerFast
) -> LlamaForCausalLM:
    """A model that knows where the towns lie, from sentences without a token that ends them."""
    model = make_model(len(tokenizer), initializer_range=0.1)
    texts = [
        torch.tensor(tokenizer(f"{town} lies in {land}.")["input_ids"])
        for town, land in LIES.items()
    ]
    ids_BT = pad_sequence(texts, batch_first=True)
    labels_BT = pad_sequence(texts, batch_first=True, padding_value=-100)
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-3)
    for _ in range(60):
        loss = model(input_ids=ids_BT, labels=labels_BT).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval()


@pytest.mark.parametrize(("axis", "form"), [("recall", "choice"), ("language", "statement")])
def test_a_learned_fact_is_right_by_choice_also_where_choices_go_on(
    learned, tokenizer, axis: str, form: str
) -> None:
    short, long = (encode(tokenizer, "Bissau lies in", text)[1] for text in CHOICES[:2])
    assert long[: len(short)] == short, "or there is nothing to take apart"
    probes = [
        Probe(town, axis, "f", f"{town} lies in", (land,), CHOICES, form=form)
        for town, land in LIES.items()
    ]
    answers = answer_probes(learned, tokenizer, probes)
    told = [(answer.correct, answer.predicted, answer.rank) for answer in answers]
    assert told == [(True, land, 1) for land in CHOICES]
    wrong = [
        Probe("w", axis, "f", "Conakry lies in", ("Guinea-Bissau",), CHOICES, form=form),
        Probe("w", axis, "f", "Bissau lies in", ("Guinea",), CHOICES, form=form),
    ]
    assert not any(answer.correct for answer in answer_probes(learned, tokenizer, wrong))


TOKENS = {"New": [1], "New York": [1, 2], "New York City": [1, 2, 3], "Rome": [4]}
SHARES = {"New": 0.6, "New York": 0.5, "New York City": 0.1, "Rome": 0.4}
LOGPROBS = {text: math.log(share) for text, share in SHARES.items()}


def test_what_goes_on_from_a_choice_is_taken_off_it_once() -> None:
    found = apart(LOGPROBS, TOKENS, ["Rome"])
    assert {text: math.exp(value) for text, value in found.items()} == pytest.approx(
        {"New": 0.1, "New York": 0.4, "New York City": 0.1, "Rome": 0.4}
    )


def test_a_right_answer_keeps_what_another_right_one_says_on() -> None:
    found = apart(LOGPROBS, TOKENS, ["New", "New York"])
    assert math.exp(found["New"]) == pytest.approx(0.5), "all but what goes on wrongly"
    assert math.exp(found["New York"]) == pytest.approx(0.4)


def test_others_keep_their_likelihood_to_the_last_bit() -> None:
    tokens = {**TOKENS, "New": [9], "New York": [1, 2], "New York City": [1, 3, 2]}
    assert apart(LOGPROBS, tokens, ["New"]) == LOGPROBS


def test_a_choice_that_always_goes_on_is_never_taken_for_itself() -> None:
    # Batches differ in the last bits: the longer text may come out a little likelier.
    found = apart({"a": -1.0, "ab": -0.9999999}, {"a": [1], "ab": [1, 2]}, ["ab"])
    assert found == {"a": -math.inf, "ab": -0.9999999}
    assert (
        apart({"a": -math.inf, "ab": -math.inf}, {"a": [1], "ab": [1, 2]}, ["a"])["a"] == -math.inf
    )
