"""A model that reads: which passages it gets, in what room, and what it says."""

import math
import re
import unicodedata

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from core.errors import UserError
from core.store.ask import make_reader as make_reader_of
from core.store.reader import Reader, first_sentence
from core.store.store import Store
from core.store.write import StoredDocument
from tests.core.corpus.test_joined import llama2, trained


def test_the_prompt_holds_the_best_passages_and_the_question(store: Store, make_reader) -> None:
    prompt, passages = make_reader(store, num_passages=2).prompt(" The capital of Ghana is ")
    told, other, question = prompt.split("\n")
    assert question == "The capital of Ghana is"
    assert [passage.text for passage in passages] == [told, other]
    assert "The capital of Ghana is Accra." in (told, other)


def test_a_question_is_read_in_the_normal_form_of_corpora(make_store, make_reader) -> None:
    """As a keyboard or a file's name may give it: a letter and its accent apart."""
    documents = [StoredDocument("d", "La ville de Zoé est Orléans.", None, [])]
    with Store(make_store(documents)) as store:
        reader = make_reader(store)
        question = "Où est Zoé ?"
        prompt, passages = reader.prompt(unicodedata.normalize("NFD", question))
        assert (prompt, passages) == reader.prompt(question) and passages
        assert prompt.endswith(question)


def test_without_a_store_or_a_find_the_question_is_all(store: Store, make_reader) -> None:
    assert make_reader(None).prompt("Peru?") == ("Peru?", [])
    assert make_reader(store).prompt("Zebra?") == ("Zebra?", [])


def test_a_passage_counts_by_what_the_model_expects(make_store, make_reader) -> None:
    """Sentences that share the same words with the question: one has the word to come."""
    question, words = "Ada lives in", ["Rome", "Oslo", "Lima", "Suva", "Riga", "Bern", "Doha"]
    said = [f"{question} {word}." for word in words]
    documents = [StoredDocument(str(n), text, None, []) for n, text in enumerate(said)]
    with Store(make_store(documents)) as store, torch.no_grad():
        reader = make_reader(store, num_passages=1, initializer_range=0.6)
        ids = reader.tokenizer(question, return_tensors="pt")["input_ids"]
        logprob_V = reader.model(input_ids=ids).logits[0, -1].log_softmax(-1)
        first = [reader.tokenizer(f" {word}")["input_ids"][0] for word in words]
        chance = -math.log(len(logprob_V))
        expected = [max(float(logprob_V[token]), chance) for token in first]
        assert reader._expected(question, said) == pytest.approx(expected, abs=1e-3)
        assert max(expected) > chance, "or there is nothing to choose by"
        best = expected.index(max(expected))
        assert reader.prompt(question)[0].split("\n")[0] == said[best]
        assert reader._expected(question, [question]) == [chance], "no word is new"


def test_words_are_told_apart_by_tokenizers_that_begin_a_text_with_a_space(make_llama) -> None:
    """As Llama 2's: alone, each word would begin with the same token."""
    tokenizer = trained(llama2)
    model = make_llama(vocab_size=len(tokenizer), initializer_range=0.6)
    reader = Reader(model, tokenizer, None, "{}".format, num_passages=1, max_new_tokens=4)
    question, cities = "Ada lives in", ["Rome", "Oslo"]
    with torch.no_grad():
        ids = tokenizer(question, return_tensors="pt")["input_ids"]
        logprob_V = model(input_ids=ids).logits[0, -1].log_softmax(-1)
        chance = -math.log(len(logprob_V))
        first = [tokenizer(f"{question} {city}")["input_ids"][ids.shape[1]] for city in cities]
        expected = [max(float(logprob_V[token]), chance) for token in first]
        assert reader._expected(question, cities) == pytest.approx(expected, abs=1e-3)
    assert len({*first}) == 2


def test_what_the_context_cannot_hold_is_cut_at_sentence_ends(make_store, make_reader) -> None:
    long = " ".join(f"Ada lives in Rome {n}." for n in range(40))
    documents = [
        StoredDocument("long", long, None, []),
        StoredDocument("short", "Ada rests.", None, []),
    ]
    with Store(make_store(documents, sentences=99)) as store:
        reader = make_reader(store, max_position_embeddings=128)
        prompt, passages = reader.prompt("Where is Ada?")
        assert len(reader.tokenizer(prompt)["input_ids"]) + reader.max_new_tokens <= 128
        by_length = sorted((passage.text for passage in passages), key=len)
        assert by_length[0] == "Ada rests.", "the longest gives way"
        assert long.startswith(by_length[1]) and re.search(r"\d\.$", by_length[1])
        assert len(by_length[1]) > 100


def test_passages_give_way_before_the_question_does(store: Store, make_reader) -> None:
    question = "The capital of Ghana is"
    size = len(make_reader(store).tokenizer(question)["input_ids"])
    tight = make_reader(store, max_position_embeddings=size + 4)
    assert tight.prompt(question) == (question, [])
    with pytest.raises(
        UserError, match=r"question has \d+ tokens, .* the model takes \d+: shorten"
    ):
        make_reader(store, max_position_embeddings=size + 3).prompt(question)


def test_the_prompt_leaves_room_for_an_answer_that_a_value_leads(
    configure, make_llama, toy_tokenizer, store: Store
) -> None:
    cfg = configure("value.max_tokens=50", "ask.max_new_tokens=4")
    prompt = "\n".join

    def room(answer) -> int:
        parts = (make_llama(max_position_embeddings=96), toy_tokenizer, store)
        reader = make_reader_of(cfg, *parts, lambda told, asked: prompt([*told, asked]), answer)
        return 96 - len(toy_tokenizer(reader.prompt("The capital of Ghana is")[0])["input_ids"])

    assert 4 <= room(None) < 50 <= room(str)
    cfg.value.max_tokens = 90
    with pytest.raises(UserError, match=r"with value\.max_tokens=90 the model takes 96"):
        room(str)


@pytest.mark.parametrize("question", ["", "  \n"])
def test_an_empty_question_is_refused(question: str, store: Store, make_reader) -> None:
    with pytest.raises(UserError, match="the question is empty"):
        make_reader(store).ask(question)


def test_an_answer_is_the_likeliest_continuation(store: Store, make_reader) -> None:
    reader = make_reader(store, max_new_tokens=12)
    reply = reader.ask("The capital of Ghana is")
    ids = reader.tokenizer(reader.prompt("The capital of Ghana is")[0], return_tensors="pt")[
        "input_ids"
    ]
    said = []
    for _ in range(12):
        ids = torch.cat([ids, reader.model(input_ids=ids).logits[:, -1:].argmax(-1)], dim=1)
        if ids[0, -1] == reader.tokenizer.eos_token_id:
            break
        said.append(int(ids[0, -1]))
    assert reply.answer == first_sentence(reader.tokenizer.decode(said))
    assert reader.ask("The capital of Ghana is") == reply


def test_an_answer_ends_with_its_sentence() -> None:
    assert first_sentence(" Rome. The job of Bo") == "Rome."
    assert first_sentence("3.14 or so") == "3.14 or so"
    assert first_sentence("red\nblue") == "red"
    assert first_sentence(" ") == ""


@pytest.mark.parametrize("kind", ["mamba", "rwkv", "openai-gpt", "gpt2"])
def test_a_model_answers_whatever_it_keeps_of_what_it_read(kind: str, toy_tokenizer) -> None:
    torch.manual_seed(0)
    names = {
        "mamba": ("hidden_size", "num_hidden_layers"),
        "rwkv": ("hidden_size", "num_hidden_layers"),
    }
    width, depth = names.get(kind, ("n_embd", "n_layer"))
    heads = {"n_head": 2} if width == "n_embd" else {}
    sizes = {width: 32, depth: 2, "vocab_size": len(toy_tokenizer), **heads}
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model(kind, **sizes)).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    reader = Reader(model, toy_tokenizer, None, lambda *_: "", num_passages=1, max_new_tokens=6)
    ids, said = toy_tokenizer("Ada lives in")["input_ids"], []
    for _ in range(6):
        with torch.no_grad():
            said.append(int(model(torch.tensor([ids + said])).logits[0, -1].argmax()))
    if toy_tokenizer.eos_token_id in said:
        said = said[: said.index(toy_tokenizer.eos_token_id)]
    told = str(toy_tokenizer.decode(said)).strip()
    assert first_sentence(told) == reader.ask("Ada lives in").answer
