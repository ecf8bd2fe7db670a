"""How fast probes are answered, beside stock lm-eval on the same items and model."""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from statistics import median

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from core.corpus.tokenizer import train_tokenizer
from core.worlds.world import World
from evals.probes.answer import Answer
from evals.probes.probe import CHOICE, Probe, complete, parse_probe
from evals.recall import likelihood
from evals.recall.answers import answer_probes

NUM_ROUNDS = 3
NUM_CHOICE_PROBES = 60


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    return complete(parse_probe(row, row["id"]) for row in World().probes())


@pytest.fixture(scope="module")
def tokenizer(probes: list[Probe]) -> PreTrainedTokenizerFast:
    return train_tokenizer(
        chain.from_iterable((p.prompt, f" {p.answers[0]}") for p in probes), 2200
    )


@pytest.fixture(scope="module")
def model(make_demo_llama, tokenizer: PreTrainedTokenizerFast) -> PreTrainedModel:
    return make_demo_llama(len(tokenizer))


def instances_of(probes: Sequence[Probe]) -> list[Instance]:
    """An item of lm-eval for each text of each probe."""
    return [
        Instance("loglikelihood", {}, (probe.prompt, f" {text}"), 0)
        for probe in probes
        for text in dict.fromkeys((*probe.answers, *probe.choices))
    ]


def timed(ways: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Median seconds of CPU time, in turns: others use the machine too."""
    taken = defaultdict[str, list[float]](list)
    for name, answer in (*ways.items(),) * NUM_ROUNDS:
        began = time.process_time()
        answer()
        taken[name].append(time.process_time() - began)
    return {name: median(times) for name, times in taken.items()}


def test_answers_beside_lm_eval(record, probes, tokenizer, model):
    """Probes of all axes, every other one of them, by their first answer.

    Both tokenize the text, and give likelihood and greediness of each answer; ours gives the rank
    too. The time of lm-eval's documents and metrics isn't counted; that of finding its batch size
    is, as it does so for each call, and a second figure goes without.
    """
    asked = [replace(p, choices=(), form="statement", answers=p.answers[:1]) for p in probes[::2]]
    instances = instances_of(asked)
    auto = HFLM(pretrained=model, tokenizer=tokenizer, batch_size="auto")
    fixed = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=64)

    def ours() -> list[Answer]:
        return answer_probes(model, tokenizer, asked)

    def stock(lm: HFLM) -> list[tuple[float, bool]]:
        return lm.loglikelihood(instances, disable_tqdm=True)

    for answer, (expected, greedy) in zip(ours(), stock(fixed), strict=True):
        assert answer.logprob == pytest.approx(expected, abs=1e-2) and answer.correct == greedy
    seconds = timed({"ours": ours, "auto": partial(stock, auto), "fixed": partial(stock, fixed)})
    record("eval_speed_ratio_lm_eval", seconds["auto"] / seconds["ours"], "×", n=NUM_ROUNDS)
    record(
        "eval_speed_ratio_lm_eval_batch_64", seconds["fixed"] / seconds["ours"], "×", n=NUM_ROUNDS
    )
    record("eval_probes_per_second", len(asked) / seconds["ours"], "probes/s", n=NUM_ROUNDS)


def test_choices_beside_lm_eval(record, monkeypatch, probes, tokenizer, model):
    """Facts by choice among all values of their kind, which share the prompt's keys and values.

    A third figure is what the sharing gives: beside our own way without it.
    """
    asked = [probe for probe in probes if probe.form == CHOICE][:NUM_CHOICE_PROBES]
    instances = instances_of(asked)
    auto = HFLM(pretrained=model, tokenizer=tokenizer, batch_size="auto")
    fixed = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=64)

    def ours() -> list[Answer]:
        return answer_probes(model, tokenizer, asked)

    unshared = replace(likelihood.traits_of(model), shares=False)

    def apart() -> list[Answer]:
        with monkeypatch.context() as patch:
            patch.setattr(likelihood, "traits_of", lambda *_: unshared)
            return ours()

    def stock(lm: HFLM) -> list[tuple[float, bool]]:
        return lm.loglikelihood(instances, disable_tqdm=True)

    said = iter(stock(fixed))
    for probe, answer in zip(asked, ours(), strict=True):
        texts = dict.fromkeys((*probe.answers, *probe.choices))
        logprobs = {text: next(said)[0] for text in texts}
        assert answer.logprob == pytest.approx(logprobs[probe.answers[0]], abs=1e-2)
    ways = {"ours": ours, "apart": apart}
    seconds = timed({**ways, "auto": partial(stock, auto), "fixed": partial(stock, fixed)})
    for name, way in {
        "choice_speed_ratio_lm_eval": "auto",
        "choice_speed_ratio_lm_eval_batch_64": "fixed",
        "choice_speed_ratio_without_sharing": "apart",
    }.items():
        record(name, seconds[way] / seconds["ours"], "×", n=NUM_ROUNDS)
