from dataclasses import replace

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import Gemma2Config, Gemma2ForCausalLM, PreTrainedTokenizerFast

from core.errors import UserError
from evals.probes.probe import Probe
from evals.recall.answers import answer_probes, encode, encode_all


def greedy(model, tokenizer, prompt: str, num_tokens: int) -> list[int]:
    ids = torch.tensor([tokenizer(prompt, add_special_tokens=False)["input_ids"]])
    out = model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=num_tokens,
        min_new_tokens=num_tokens,
        do_sample=False,
        pad_token_id=0,
    )
    return out[0, ids.shape[1] :].tolist()


def own_answer(model, tokenizer, prompt: str) -> str | None:
    """Text that the model itself says greedily, where it tokenizes as an answer would."""
    said = greedy(model, tokenizer, prompt, 2)
    text = tokenizer.decode(said)
    clean = text.startswith(" ") and encode(tokenizer, "x", text[1:])[1] == said
    return text[1:] if clean and text.strip() else None


def test_correct_is_what_generate_says(model, tokenizer, facts):
    # The output layer is made to like words, so that some answers are the model's own.
    spaced = [i for t, i in tokenizer.get_vocab().items() if t.startswith("Ġ") and len(t) > 1]
    with torch.no_grad():
        others = torch.ones(len(tokenizer), dtype=torch.bool)
        others[spaced] = False
        model.lm_head.weight[others] *= 0.1
    probes = []
    for fact in facts:
        own = own_answer(model, tokenizer, fact.prompt)
        probes += (
            [fact, replace(fact, id=f"{fact.id}-own", answers=("Oslo", own))] if own else [fact]
        )
    assert len(probes) > len(facts), "the model says something that can be an answer"

    answers = answer_probes(model, tokenizer, probes, tokens_per_batch=64)

    for probe, answer in zip(probes, answers, strict=True):
        expected = False
        for text in probe.answers:
            ids = encode(tokenizer, probe.prompt, text)[1]
            expected |= greedy(model, tokenizer, probe.prompt, len(ids)) == ids
        assert answer.correct == expected
        assert (answer.rank == 1) == expected
        if expected:
            assert answer.predicted == probe.answers[-1].strip()
    assert {answer.correct for answer in answers} == {True, False}


@pytest.mark.parametrize("tokens_per_batch", [1, 70, 8192])
def test_batched_logprobs_are_those_of_single_forward_passes(
    model, tokenizer, facts, tokens_per_batch
):
    answers = answer_probes(model, tokenizer, facts, tokens_per_batch=tokens_per_batch)
    assert [answer.id for answer in answers] == [probe.id for probe in facts]
    for probe, answer in zip(facts, answers, strict=True):
        prompt, ids = encode(tokenizer, probe.prompt, probe.answers[0])
        logits = model(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1]
        logprobs = logits.log_softmax(-1)[range(len(ids)), ids]
        assert answer.logprob == pytest.approx(logprobs.sum().item(), abs=1e-4)
        order = logits.argsort(-1, descending=True).tolist()
        worst = max(row.index(token) for row, token in zip(order, ids, strict=True))
        assert answer.rank == worst + 1


def test_prompt_and_answer_tokenize_as_the_joined_text(tokenizer):
    prompt, answer = encode(tokenizer, "The capital of country is", "Ulaanbaatar")
    assert prompt + answer == tokenizer("The capital of country is Ulaanbaatar")["input_ids"]


def test_choices_are_ranked_by_likelihood(model, tokenizer):
    texts = ("Lima", "Oslo", "Riga")
    probe = Probe("x", "language", "f", "The capital is", ("Lima",), texts)
    single = [replace(probe, choices=(), answers=(text,)) for text in texts]
    logprobs = [answer.logprob for answer in answer_probes(model, tokenizer, single)]
    by_likelihood = [t for _, t in sorted(zip(logprobs, texts, strict=True), reverse=True)]
    for rank, text in enumerate(by_likelihood, start=1):
        (answer,) = answer_probes(model, tokenizer, [replace(probe, answers=(text,))])
        assert (answer.rank, answer.correct) == (rank, rank == 1)
        assert answer.predicted == by_likelihood[0]
    # So are those of a memory asked by choice; other probes rank among the choices, and stay greedy.
    by_choice = replace(probe, axis="recall", form="choice", answers=(by_likelihood[0],))
    (answer,) = answer_probes(model, tokenizer, [by_choice])
    assert (answer.rank, answer.correct, answer.predicted) == (1, True, by_likelihood[0])
    (answer,) = answer_probes(
        model, tokenizer, [replace(probe, axis="reasoning", answers=(by_likelihood[0],))]
    )
    assert (answer.rank, answer.correct) == (1, False)


def test_a_model_that_cannot_tell_choices_apart_is_not_right(model, tokenizer):
    with torch.no_grad():
        model.lm_head.weight.zero_()
    # As long in tokens, so exactly as likely.
    probe = Probe("x", "language", "f", "The capital is", ("a",), ("a", "b"))
    (answer,) = answer_probes(model, tokenizer, [probe])
    assert (answer.rank, answer.correct) == (2, False)


def test_soft_capped_logits_are_the_models_own(tokenizer):
    torch.manual_seed(0)
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        head_dim=16,
        final_logit_softcapping=0.01,
        initializer_range=0.5,
    )
    capped = Gemma2ForCausalLM(config).eval()
    (answer,) = answer_probes(capped, tokenizer, [Probe("x", "recall", "f", "The", ("a",))])
    num_tokens = len(encode(tokenizer, "The", "a")[1])
    uniform = -num_tokens * torch.tensor(float(len(tokenizer))).log().item()
    assert answer.logprob == pytest.approx(uniform, abs=0.021 * num_tokens)


def test_training_mode_is_given_back(model, tokenizer, facts):
    model.train()
    answer_probes(model, tokenizer, facts[:1])
    assert model.training


def test_a_probe_beyond_the_context_is_named(model, tokenizer, facts):
    long = replace(facts[0], id="too-long", prompt="x " * 200)
    with pytest.raises(UserError, match=r"probe 'too-long' has .* tokens and the model reads 128"):
        answer_probes(model, tokenizer, [facts[1], long])


def test_a_diverged_model_is_refused_rather_than_scored_as_forgetful(model, tokenizer, facts):
    with torch.no_grad():
        model.lm_head.weight.fill_(float("nan"))
    with pytest.raises(UserError, match="its training diverged"):
        answer_probes(model, tokenizer, facts)


def test_how_the_tokenizer_was_last_called_does_not_matter(toy_tokenizer) -> None:
    pairs = [("Ada lives in", "Rome."), ("Turn around: red blue =>", "blue red")]
    before = encode_all(toy_tokenizer, pairs)
    toy_tokenizer(["Ada", "Ada lives in Rome."], padding=True, truncation=True, max_length=3)
    assert encode_all(toy_tokenizer, pairs) == before
    whole = [toy_tokenizer(f"{prompt} {answer}")["input_ids"] for prompt, answer in pairs]
    assert [prompt + answer for prompt, answer in before] == whole


@pytest.mark.parametrize(
    ("prompt", "answer", "text"),
    [
        ("青島国の首都は", "東京", "青島国の首都は東京"),
        ("法国的首都是", "巴黎", "法国的首都是巴黎"),
        ("เมืองหลวงของไทยคือ", "กรุงเทพ", "เมืองหลวงของไทยคือกรุงเทพ"),
        ("수도는", "서울", "수도는 서울"),
        ("هي", "القاهرة", "هي القاهرة"),
        ("היא", "ירושלים", "היא ירושלים"),
        ("राजधानी", "दिल्ली", "राजधानी दिल्ली"),
    ],
)
def test_an_answer_follows_as_its_script_has_it(tokenizer, prompt, answer, text) -> None:
    opening, rest = encode(tokenizer, prompt, answer)
    assert tokenizer.decode(opening) == prompt
    assert tokenizer.decode(opening + rest) == text


def test_a_token_across_prompt_and_answer_leaves_the_answer_whole() -> None:
    spec = Tokenizer(models.BPE({"a": 0, "日": 1, "本": 2, "日本": 3}, [("日", "本")]))
    whole = PreTrainedTokenizerFast(tokenizer_object=spec)
    assert whole("日本")["input_ids"] == [3]
    assert encode(whole, "日", "本") == ([1], [2])


def test_tokens_across_spaces_are_parted_there(make_model) -> None:
    """Byte-level BPE that doesn't split at spaces: half of its tokens hold the end of one word and the
    beginning of the next.
    """
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    cities = ["Lima", "Oslo", "31", "Quito"]
    bpe.train_from_iterator([f"The capital is {city}" for city in cities], trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe)
    model = make_model(len(tokenizer))
    probes = [Probe(city, "recall", "f", "The capital is", (city,)) for city in cities]
    [prompt] = tokenizer(["The capital is"])["input_ids"]
    parted = 0
    for probe, answer in zip(probes, answer_probes(model, tokenizer, probes), strict=True):
        [city] = probe.answers
        parted += tokenizer(f"The capital is {city}")["input_ids"][: len(prompt)] != prompt
        said = tokenizer(f" {city}")["input_ids"]
        assert encode(tokenizer, probe.prompt, city) == (prompt, said)
        with torch.no_grad():
            logprob_TV = model(torch.tensor([prompt + said])).logits[0].log_softmax(-1)
        rows = logprob_TV[len(prompt) - 1 : -1]
        assert answer.logprob == pytest.approx(rows[range(len(said)), said].sum().item(), abs=1e-4)
    assert parted, "or there is nothing to part"


def test_a_space_that_a_tokenizer_puts_before_any_text_is_no_part_of_an_answer() -> None:
    vocab = {"▁": 0, "日": 1, "本": 2, "日本": 3, "▁日": 4}
    spec = Tokenizer(models.BPE(vocab, [("日", "本"), ("▁", "日")]))
    spec.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    spec.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=spec)
    assert tokenizer("日本")["input_ids"] == [0, 3], "one token holds the end and the beginning"
    assert encode(tokenizer, "日", "本") == ([4], [2])
