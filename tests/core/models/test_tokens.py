"""Texts begin as the tokenizer begins them, and don't end before what follows."""

import copy

import pytest
import torch
from tokenizers import processors
from transformers import ByT5Tokenizer, PreTrainedTokenizerFast

from core.corpus.packing import Encoder
from core.models.gate import traits_of
from core.models.tokens import before_end, ends_of, left_open, opening_of, plain, read
from core.store.reader import Reader
from evals.probes.probe import Probe, complete
from evals.recall.answers import answer_probes

TEXT = "Ada lives in"


@pytest.fixture(params=[("$A", "</s>"), ("<s> $A", "</s>"), ("<s> $A", ""), ("<s> <s> $A", "</s>")])
def framed(request, toy_tokenizer) -> PreTrainedTokenizerFast:
    """The toy tokenizer, adding its first two tokens around texts in some way."""
    before, after = request.param
    tokenizer = copy.deepcopy(toy_tokenizer)
    end, begin = tokenizer.convert_ids_to_tokens([0, 1])
    ids = {"<s>": begin, "</s>": end}
    template = " ".join(ids.get(part, part) for part in [*before.split(), *after.split()])
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=template, pair=None, special_tokens=[(end, 0), (begin, 1)]
    )
    tokenizer.num_opening = before.count("<s>")
    return tokenizer


def test_a_text_has_its_opening_and_no_closing(framed, toy_tokenizer) -> None:
    own = toy_tokenizer(TEXT, add_special_tokens=False)["input_ids"]
    assert opening_of(framed) == [1] * framed.num_opening
    assert read(framed, [TEXT]) == [[1] * framed.num_opening + own]
    assert plain(framed, [TEXT]) == [own] and read(framed, []) == []
    framed([TEXT, "Ada"], padding="max_length", truncation=True, max_length=9)
    assert read(framed, [TEXT]) == [[1] * framed.num_opening + own], "whoever called it before"


def test_an_answer_follows_its_prompt(framed, make_llama) -> None:
    """Where a text is closed, the prompt isn't, and the closing is no part of the answer."""
    model = make_llama(eos_token_id=None)
    [probe] = complete([Probe("p", "recall", "f", TEXT, ("Rome",))])
    [answer] = answer_probes(model, framed, [probe])
    prompt, said = read(framed, [TEXT])[0], plain(framed, [" Rome"])[0]
    with torch.no_grad():
        logprob_TV = model(torch.tensor([prompt + said])).logits[0].log_softmax(-1)
    own = sum(logprob_TV[len(prompt) - 1 + n, token].item() for n, token in enumerate(said))
    assert answer.logprob == pytest.approx(own, abs=1e-4)


def test_a_row_is_opened_as_a_text_and_closed_once(framed) -> None:
    [row] = Encoder(framed).encode([{"text": TEXT}])
    assert row.ids.tolist() == [*read(framed, [TEXT])[0], 0]


def test_a_question_is_read_without_an_end(framed, make_llama) -> None:
    model, asked = make_llama(), []
    traits_of(model)  # tried once, with texts of its own
    model.register_forward_pre_hook(
        lambda _, __, given: asked.append(given["input_ids"].tolist()), with_kwargs=True
    )
    reader = Reader(model, framed, None, lambda _, q: q, num_passages=1, max_new_tokens=2)
    reader.ask(TEXT)
    assert asked[0] == read(framed, [TEXT])


def test_a_text_ends_at_any_of_its_ends(make_llama, toy_tokenizer) -> None:
    model = make_llama(eos_token_id=None)
    assert ends_of(model, toy_tokenizer) == {0}
    reader = Reader(model, toy_tokenizer, None, lambda _, q: q, num_passages=1, max_new_tokens=3)
    whole = reader.ask(TEXT).answer
    with torch.no_grad():
        token = int(model(torch.tensor(read(toy_tokenizer, [TEXT]))).logits[0, -1].argmax())
    model.generation_config.eos_token_id = [9999, token]
    assert ends_of(model, toy_tokenizer) == {0, token}, "those that the tokenizer has"
    ends = Reader(model, toy_tokenizer, None, lambda _, q: q, num_passages=1, max_new_tokens=3)
    assert whole != "" and ends.ask(TEXT).answer == ""
    assert before_end([5, token, 6, 0], {0, token}) == [5] and before_end([5], {0}) == [5]


def test_one_written_in_python_is_left_open_too() -> None:
    """As ByT5's, which has no other."""
    tokenizer = ByT5Tokenizer()
    closed = tokenizer("ab")["input_ids"]
    assert closed == [*plain(tokenizer, ["ab"])[0], tokenizer.eos_token_id]
    opened = left_open(tokenizer)
    assert opened("ab")["input_ids"] == opened.encode("ab") == closed[:-1]
    assert tokenizer("ab")["input_ids"] == closed, "the model's own stays as it was"
