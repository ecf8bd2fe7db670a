"""The start: names that nobody has met, and nothing else changed."""

import re
from copy import deepcopy

import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.packing import Encoder, pack
from core.corpus.tokenizer import train_tokenizer
from core.errors import UserError
from core.models.taught import taught_hidden
from forgetting.fresh_names import FEWEST, FreshNames, clusters, name_tokens, random_rotation
from tests.forgetting.test_token_names import TEXTS, names_of, sentencepiece

OTHERS = ["We like tea. The town likes bread, and they like us.", "The bread is here."]
EMBEDDINGS = "model.embed_tokens.weight"
Weights = dict[str, torch.Tensor]


@pytest.fixture(params=["bytes", "pieces"], scope="module")
def tokenizer(request: pytest.FixtureRequest) -> PreTrainedTokenizerFast:
    texts = [*TEXTS, *OTHERS]
    return train_tokenizer(texts, 400) if request.param == "bytes" else sentencepiece(texts, 260)


def rows_of(texts: list[str], tokenizer: PreTrainedTokenizerFast) -> Dataset:
    rows = [{"id": str(n), "text": text} for n, text in enumerate(texts)]
    return pack(rows, Encoder(tokenizer), sequence_length=96)


def start(
    student: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, **options: float
) -> tuple[Weights, Weights]:
    before = {name: weight.detach().clone() for name, weight in student.named_parameters()}
    way = FreshNames(**options)
    way.read_corpus(rows_of([*TEXTS, *OTHERS], tokenizer), tokenizer)
    way.prepare_student(student, torch.Generator().manual_seed(0))
    return before, {name: weight.detach() for name, weight in student.named_parameters()}


def changed(before: torch.Tensor, after: torch.Tensor) -> list[int]:
    return torch.nonzero((before != after).any(1)).flatten().tolist()


def test_names_are_found_in_the_vocabulary_and_words_of_sentences_are_not(tokenizer) -> None:
    found = name_tokens(tokenizer, names_of(tokenizer, [*TEXTS, *OTHERS]))
    assert any(place.startswith(word) for word in found for place in ("Mongolia", "Tirana"))
    assert not {"The", "We", "In", "Bread", "the", "bread"} & set(found)


def test_a_capitalized_word_that_the_corpus_never_has_goes_by_its_rank() -> None:
    # In the vocabulary's text, not in the corpus: a name, and a word that is rarer in capitals.
    texts = [*TEXTS, *["Valletta, where they say yes. Yes, they say yes."] * 9]
    tokenizer = train_tokenizer(texts, 420)
    found = name_tokens(tokenizer, names_of(tokenizer))
    assert any("Valletta".startswith(word) and len(word) > 2 for word in found)
    assert "Yes" not in found


def test_where_capitals_mark_no_names_those_are_names_that_begin_them(make_llama) -> None:
    texts = [text.lower() for text in [*TEXTS, *OTHERS]] * 2
    tokenizer = train_tokenizer(texts, 440)
    names = names_of(tokenizer, texts)
    assert names.kind == "free" and names.num_names
    found = name_tokens(tokenizer, names)
    begun = {
        mention.name
        for text in texts
        for mention in names.of(np.array(tokenizer(text)["input_ids"]))
    }
    assert found and all(any(name.startswith(word) for name in begun) for word in found)
    assert not {"the", "bread", "in"} & set(found)


def test_it_tells_how_many_of_the_names_begin_with_such_a_token(tokenizer, capfd) -> None:
    way = FreshNames()
    way.read_corpus(rows_of([*TEXTS, *OTHERS], tokenizer), tokenizer)
    told = re.search(
        r"(\d+) tokens begin names, (\d+)% of those in the corpus", capfd.readouterr().out
    )
    names = names_of(tokenizer, [*TEXTS, *OTHERS])
    own = {token for forms in name_tokens(tokenizer, names).values() for token in forms.values()}
    rows = [np.array(tokenizer(text)["input_ids"]) for text in [*TEXTS, *OTHERS]]
    first = [int(ids[mention.start]) for ids in rows for mention in names.of(ids)]
    share = sum(token in own for token in first) / len(first)
    assert told and (int(told[1]), int(told[2])) == (len(own), round(100 * share))


def test_only_embeddings_of_names_change(tokenizer, make_llama) -> None:
    before, after = start(make_llama(vocab_size=len(tokenizer)), tokenizer)
    assert {n for n in before if not torch.equal(before[n], after[n])} == {EMBEDDINGS}
    found = name_tokens(tokenizer, names_of(tokenizer, [*TEXTS, *OTHERS]))
    at = changed(before[EMBEDDINGS], after[EMBEDDINGS])
    assert at and set(at) <= {token for forms in found.values() for token in forms.values()}


def test_names_in_pieces_change_inside_too_if_asked(make_llama, capfd) -> None:
    spelled = ["Zulaki", "Qolemi", "Xunara", "Vuteso", "Junaki", "Yutemi", "Kolara", "Rulaso"]
    texts = [f"We like {name}, and they like {name}." for name in spelled]
    tokenizer = train_tokenizer(["We like the bread, and they like us."] * 9, 300)
    words = set(tokenizer("We like the bread, and they like us.")["input_ids"])
    for pieces in (False, True):
        student = make_llama(vocab_size=len(tokenizer))
        before = student.get_input_embeddings().weight.detach().clone()
        way = FreshNames(pieces=pieces)
        way.read_corpus(rows_of(texts, tokenizer), tokenizer)
        way.prepare_student(student, torch.Generator().manual_seed(0))
        moved = set(changed(before, student.get_input_embeddings().weight.detach()))
        told = capfd.readouterr().out
        assert ("and 12 stand inside them" in told) == pieces
        letters = {tokenizer.decode([token]).strip() for token in moved}
        assert letters == (set("".join(spelled)) if pieces else set())
        assert not moved & words


def test_new_names_lie_as_the_old_ones_did_and_are_none_of_them(tokenizer, make_llama) -> None:
    before, after = start(make_llama(vocab_size=len(tokenizer), hidden_size=64), tokenizer)
    at = changed(before[EMBEDDINGS], after[EMBEDDINGS])
    old, new = before[EMBEDDINGS][at], after[EMBEDDINGS][at]
    torch.testing.assert_close(old.std(), new.std(), atol=0.1 * float(old.std()), rtol=0)
    likeness = torch.nn.functional.cosine_similarity(
        (new - new.mean(0))[:, None], (old - old.mean(0))[None], dim=2
    )
    assert likeness.diagonal().abs().mean() < 0.4
    assert likeness.max() < 0.95


def test_output_embeddings_of_their_own_are_mixed_alike(tokenizer, make_llama) -> None:
    untied = make_llama(vocab_size=len(tokenizer), tie_word_embeddings=False)
    with torch.no_grad():
        untied.lm_head.weight.copy_(untied.get_input_embeddings().weight)
    before, after = start(untied, tokenizer)
    assert changed(before[EMBEDDINGS], after[EMBEDDINGS])
    assert torch.equal(after[EMBEDDINGS], after["lm_head.weight"])


@pytest.mark.parametrize("tied", [True, False])
def test_what_predictions_look_at_can_stay_in_the_output(
    tokenizer, make_llama, capfd, tied: bool
) -> None:
    student = make_llama(vocab_size=len(tokenizer), tie_word_embeddings=tied)
    rows = rows_of([*TEXTS, *OTHERS], tokenizer)
    packed = (torch.tensor(rows[name][:]) for name in ("input_ids", "position_ids", "labels"))
    with torch.no_grad():
        principal = torch.linalg.svd(taught_hidden(student, *packed)).Vh
    table = EMBEDDINGS if tied else "lm_head.weight"
    before, turned = start(deepcopy(student), tokenizer)
    _, after = start(deepcopy(student), tokenizer, kept=0.2)
    told = re.search(r"stay along (\d+) directions: ([\d.]+)%", capfd.readouterr().out)
    assert told and float(told[2]) <= 20
    first = principal[: int(told[1])]
    without, moved = (other[table] - before[table] for other in (turned, after))
    assert (moved @ first.T).abs().max() < 1e-4 < (without @ first.T).max()
    assert changed(before[table], after[table]) == changed(before[table], turned[table])
    assert tied or torch.equal(turned[EMBEDDINGS], after[EMBEDDINGS])


def test_less_strength_keeps_a_share(tokenizer, make_llama) -> None:
    before, after = start(make_llama(vocab_size=len(tokenizer)), tokenizer, strength=0)
    assert torch.equal(before[EMBEDDINGS], after[EMBEDDINGS])
    far = []
    for strength in (0.1, 1.0):
        before, after = start(make_llama(vocab_size=len(tokenizer)), tokenizer, strength=strength)
        far.append(float((after[EMBEDDINGS] - before[EMBEDDINGS]).norm()))
    assert 0 < far[0] < far[1]


def test_a_name_with_and_without_a_space_before_it_gets_the_same_mixture(make_llama) -> None:
    places = [text.split()[3] for text in TEXTS if text.startswith("The capital")]
    texts = [*TEXTS, *(f"{place}\n{place} {place}" for place in places)] * 2
    tokenizer = train_tokenizer(texts, 480)
    forms = name_tokens(tokenizer, names_of(tokenizer, texts))
    both = [own for own in forms.values() if len(own) == 2]
    assert len(both) >= FEWEST
    student = make_llama(vocab_size=len(tokenizer))
    with torch.no_grad():  # both forms alike
        weight = student.get_input_embeddings().weight
        for own in both:
            weight[own[True]] = weight[own[False]]
    way = FreshNames()
    way.read_corpus(rows_of(texts, tokenizer), tokenizer)
    old = weight.detach().clone()
    way.prepare_student(student, torch.Generator().manual_seed(0))
    for own in both:
        torch.testing.assert_close(weight[own[True]], weight[own[False]])
        assert not torch.equal(weight[own[True]], old[own[True]])


def test_names_are_mixed_with_those_like_them() -> None:
    sides = {f"Name{'ab'[n % 2]}{n}": n for n in range(4 * FEWEST)}
    names = {word: {True: n} for word, n in sides.items()}
    embeddings = torch.randn(len(sides), 8) * 0.1
    embeddings[::2, 0] += 3
    embeddings[1::2, 1] += 3
    found = list(clusters(names, embeddings, 2 * FEWEST, seed=0))
    assert [len({forms[True] % 2 for forms in cluster}) for cluster in found] == [1, 1]


def test_a_rotation_keeps_lengths() -> None:
    rotation = random_rotation(16, torch.Generator().manual_seed(0))
    torch.testing.assert_close(rotation @ rotation.T, torch.eye(16), atol=1e-5, rtol=0)


def test_without_names_it_says_so_and_changes_nothing(make_llama, capfd) -> None:
    texts = ["a b c"] * 4
    tokenizer = train_tokenizer(texts, 280)
    way = FreshNames()
    way.read_corpus(rows_of(texts, tokenizer), tokenizer)
    student = make_llama(vocab_size=len(tokenizer))
    before = student.get_input_embeddings().weight.detach().clone()
    way.prepare_student(student, torch.Generator().manual_seed(0))
    assert torch.equal(student.get_input_embeddings().weight, before)
    assert "too few to mix" in capfd.readouterr().out


@pytest.mark.parametrize("tied", [True, False])
def test_names_can_be_all_that_is_trained(tokenizer, make_llama, tied: bool) -> None:
    way = FreshNames(only_names=True)
    way.read_corpus(rows_of([*TEXTS, *OTHERS], tokenizer), tokenizer)
    student = make_llama(vocab_size=len(tokenizer), tie_word_embeddings=tied)
    adam = torch.optim.AdamW(student.parameters(), lr=1e-2, weight_decay=0.0)
    before = {name: weight.detach().clone() for name, weight in student.named_parameters()}
    ids_BT = torch.tensor([tokenizer(TEXTS[0])["input_ids"]])
    for _ in range(2):
        student(input_ids=ids_BT, labels=ids_BT).loss.backward()
        way.edit_gradients(student, torch.Generator())
        adam.step()
        adam.zero_grad()
    names = name_tokens(tokenizer, names_of(tokenizer, [*TEXTS, *OTHERS]))
    own = {token for forms in names.values() for token in forms.values()}
    tables = {EMBEDDINGS} if tied else {EMBEDDINGS, "lm_head.weight"}
    for name, weight in student.named_parameters():
        moved = set(changed(before[name], weight.detach())) if name in tables else set()
        assert moved <= own and bool(moved) == (name in tables)
        assert name in tables or torch.equal(before[name], weight.detach())


def test_too_small_a_cluster_is_refused() -> None:
    with pytest.raises(UserError, match=f"cluster_size must be {FEWEST} or more, not 0"):
        FreshNames(cluster_size=0)
    with pytest.raises(UserError, match="kept must lie between 0 and 1, not 2"):
        FreshNames(kept=2)
