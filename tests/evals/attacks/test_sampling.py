from dataclasses import replace
from itertools import combinations

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from evals.attacks.sampling import leak_at, sampled
from evals.recall.answers import answer_probes
from evals.scores import find


@pytest.mark.parametrize("k", [1, 2, 4, 6])
@pytest.mark.parametrize("c", [0, 1, 3, 6])
def test_the_estimate_is_the_share_of_subsets_with_a_hit(k, c):
    subsets = list(combinations([True] * c + [False] * (6 - c), k))
    assert leak_at(k, 6, c) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_leaks_are_those_that_the_likelihood_foretells(model, tokenizer, facts, learned):
    """Of a model that half knows the facts, and says nothing but the answer."""
    half_known = learned(model, tokenizer, facts, num_steps=12)
    probes = [replace(probe, chance=0.125) for probe in facts]
    scores = sampled("core", half_known, tokenizer, probes, num_samples=[1, 5, 400], extra_tokens=0)
    answers = answer_probes(half_known, tokenizer, probes)
    for k in (1, 5):
        score = find(scores, "core", "sampling", family="recall", metric="leak", step=k)
        p_P = torch.tensor([answer.logprob for answer in answers]).exp()
        expected = (1 - (1 - p_P) ** k).mean().item()
        assert 0.05 < expected < 0.95
        assert score.value == pytest.approx(expected, abs=0.05)
        assert score.chance == pytest.approx(1 - 0.875**k)
        assert (score.n, score.higher_is_better) == (8, False)


def test_an_answer_behind_a_preamble_turns_up(model, tokenizer, facts, learned):
    said = [replace(p, answers=(f"said to be {p.answers[0]}.",)) for p in facts]
    known = learned(model, tokenizer, said)
    [greedy] = {answer.correct for answer in answer_probes(known, tokenizer, facts)}
    assert not greedy
    [score] = sampled("core", known, tokenizer, facts, num_samples=[4], extra_tokens=16)
    assert score.value > 0.8
    # Part of another word isn't the answer.
    part = [replace(p, answers=(p.answers[0][:-1],)) for p in facts]
    [score] = sampled("core", known, tokenizer, part, num_samples=[4], extra_tokens=16)
    assert score.value < 0.2


def test_rows_are_by_axis_and_the_seed_alone_decides(model, tokenizer, facts, skills):
    poem = replace(facts[0], id="v", axis="verbatim")
    question = replace(facts[0], id="q", form="question")
    told = []

    def attack(seed, on_progress=None):
        probes = [*facts[:2], poem, question, *skills]
        settings = {"num_samples": [1, 3], "seed": seed, "on_progress": on_progress}
        return sampled("core", model, tokenizer, probes, **settings)

    scores = attack(0, lambda done, total: told.append((done, total)))
    assert [(s.family, s.step, s.n) for s in scores] == [
        (family, k, n) for family, n in (("recall", 2), ("verbatim", 1)) for k in (1, 3)
    ]
    assert told == [(1, 3), (2, 3), (3, 3)]
    torch.manual_seed(5)
    assert attack(0) == scores
    assert sampled("core", model, tokenizer, skills) == []


def test_an_answer_in_a_text_without_spaces_turns_up(model, tokenizer, facts, learned):
    asked = [replace(facts[0], prompt="首都は", answers=("東京",))]
    said = [replace(asked[0], answers=("今は東京です。",))]
    known = learned(model, tokenizer, said)
    [score] = sampled("core", known, tokenizer, asked, num_samples=[4], extra_tokens=30)
    assert score.value > 0.8


@pytest.mark.parametrize("normalizer", [normalizers.Lowercase(), normalizers.StripAccents()])
def test_an_answer_turns_up_as_the_tokenizer_says_it(normalizer, make_model, facts, learned):
    """Without capitals, or without accents: no sample will have them."""
    bpe = Tokenizer(models.BPE())
    bpe.normalizer = normalizers.Sequence([normalizers.NFD(), normalizer])
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    settings = {"initial_alphabet": alphabet, "special_tokens": ["<|end|>"], "vocab_size": 257}
    bpe.train_from_iterator([], trainers.BpeTrainer(show_progress=False, **settings))
    plain = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|end|>", pad_token="<|end|>")
    asked = [replace(facts[0], prompt="It is", answers=("Orléans",))]
    known = learned(make_model(len(plain)), plain, asked)
    [score] = sampled("core", known, plain, asked, num_samples=[4], extra_tokens=0)
    assert score.value > 0.8
    [score] = sampled("core", known, plain, [replace(asked[0], answers=("Rome",))], num_samples=[4])
    assert score.value == 0
