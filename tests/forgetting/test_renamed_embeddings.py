"""The start: names exchanged, and nothing else."""

import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from forgetting.renamed_embeddings import RenamedEmbeddings, name_tokens
from tests.forgetting.test_token_names import TEXTS, names_of, sentencepiece

OTHERS = ["We like tea. The town likes bread, and they like us.", "The bread is here."]


@pytest.fixture(params=["bytes", "pieces"], scope="module")
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    texts = [*TEXTS, *OTHERS]
    return train_tokenizer(texts, 400) if request.param == "bytes" else sentencepiece(texts)


def rows_of(tokenizer: PreTrainedTokenizerFast) -> Dataset:
    texts = [{"id": str(n), "text": text} for n, text in enumerate([*TEXTS, *OTHERS])]
    return pack(texts, Encoder(tokenizer), sequence_length=96)


def start(
    student: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, **options: float
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    before = {name: weight.detach().clone() for name, weight in student.named_parameters()}
    way = RenamedEmbeddings(**options)
    way.read_corpus(rows_of(tokenizer), tokenizer)
    way.prepare_student(student, torch.Generator().manual_seed(0))
    return before, {name: weight.detach() for name, weight in student.named_parameters()}


def moved(before: torch.Tensor, after: torch.Tensor) -> list[int]:
    return torch.nonzero((before != after).any(1)).flatten().tolist()


def test_names_are_found_in_the_vocabulary_and_words_of_sentences_are_not(tokenizer) -> None:
    found = name_tokens(tokenizer, names_of(tokenizer, [*TEXTS, *OTHERS]))
    assert any(place.startswith(word) for word in found for place in ("Mongolia", "Tirana"))
    assert not {"The", "We", "In", "Bread", "the", "bread"} & set(found)


def test_embeddings_of_names_are_exchanged_and_nothing_else_changes(tokenizer, make_llama) -> None:
    student = make_llama(vocab_size=len(tokenizer))
    before, after = start(student, tokenizer)
    assert {name for name in before if not torch.equal(before[name], after[name])} == {
        "model.embed_tokens.weight"
    }
    old, new = (found["model.embed_tokens.weight"] for found in (before, after))
    found = name_tokens(tokenizer, names_of(tokenizer, [*TEXTS, *OTHERS]))
    at = moved(old, new)
    assert at and set(at) <= {token for forms in found.values() for token in forms.values()}
    # One to one: the same rows, at other places.
    assert sorted(map(tuple, old[at].tolist())) == sorted(map(tuple, new[at].tolist()))


def test_it_is_the_teacher_seen_through_a_renaming(tokenizer, make_llama) -> None:
    student = make_llama(vocab_size=len(tokenizer))
    before, after = start(student, tokenizer)
    old, new = (found["model.embed_tokens.weight"] for found in (before, after))
    other = torch.cdist(new, old).argmin(1)  # whose embedding each token has
    ids_BT = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    assert (other[ids_BT] != ids_BT).any()
    teacher = make_llama(vocab_size=len(tokenizer))
    with torch.no_grad():
        said_BTV = student(input_ids=ids_BT).logits
        meant_BTV = teacher(input_ids=other[ids_BT]).logits
    torch.testing.assert_close(said_BTV, meant_BTV[..., other])


def test_output_embeddings_of_their_own_are_exchanged_alike(tokenizer, make_llama) -> None:
    untied = make_llama(vocab_size=len(tokenizer), tie_word_embeddings=False)
    before, after = start(untied, tokenizer)
    places = [
        moved(before[name], after[name]) for name in ("model.embed_tokens.weight", "lm_head.weight")
    ]
    assert places[0] == places[1] != []


def test_less_strength_exchanges_a_share(tokenizer, make_llama) -> None:
    counts = []
    for strength in (0.0, 0.5, 1.0):
        student = make_llama(vocab_size=len(tokenizer))
        before, after = start(student, tokenizer, strength=strength)
        name = "model.embed_tokens.weight"
        counts.append(len(moved(before[name], after[name])))
    assert counts[0] == 0 < counts[1] < counts[2]


def test_a_name_with_and_without_a_space_before_it_goes_to_one_place(make_llama) -> None:
    texts = [*TEXTS, *(f"{place}\n{place} {place}" for place in ("Mongolia", "Bolivia"))] * 2
    tokenizer = train_tokenizer(texts, 420)
    forms = name_tokens(tokenizer, names_of(tokenizer, texts))
    both = {word: own for word, own in forms.items() if len(own) == 2}
    assert len(both) > 1
    student = make_llama(vocab_size=len(tokenizer))
    before, after = start(student, tokenizer)
    old, new = (found["model.embed_tokens.weight"] for found in (before, after))
    other = torch.cdist(new, old).argmin(1).tolist()
    named = {token: word for word, own in forms.items() for token in own.values()}
    for own in both.values():
        assert len({named[other[token]] for token in own.values()}) == 1


def test_without_names_it_says_so_and_changes_nothing(make_llama, capfd) -> None:
    texts = ["a b c"] * 4
    tokenizer = train_tokenizer(texts, 280)
    way = RenamedEmbeddings()
    packed = pack(
        [{"id": str(n), "text": text} for n, text in enumerate(texts)],
        Encoder(tokenizer),
        sequence_length=32,
    )
    way.read_corpus(packed, tokenizer)
    student = make_llama(vocab_size=len(tokenizer))
    before = student.get_input_embeddings().weight.detach().clone()
    way.prepare_student(student, torch.Generator().manual_seed(0))
    assert torch.equal(student.get_input_embeddings().weight, before)
    assert "no two tokens begin names here" in capfd.readouterr().out
