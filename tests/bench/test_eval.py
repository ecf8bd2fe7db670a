"""How fast probes are answered, beside stock lm-eval on the same items and model."""

import time
from collections import defaultdict
from functools import partial
from itertools import chain
from statistics import median

import pytest
from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM
from transformers import LlamaConfig

from core.corpus.tokenizer import train_tokenizer
from core.corpus.world import World
from core.models import new_model
from evals.probes.probe import complete, parse_probe
from evals.recall.answers import answer_probes

NUM_ROUNDS = 3


def test_answers_beside_lm_eval(record):
    """A model of the demo's size and its probes of all axes, every other one of them.

    Both tokenize the text, and give likelihood and greediness of each answer; ours gives the rank
    too. The time of lm-eval's documents and metrics isn't counted; that of finding its batch size
    is, as it does so for each call, and a second figure goes without.
    """
    rows = World().probes()
    tokenizer = train_tokenizer(
        chain.from_iterable((row["prompt"], f" {row['answers'][0]}") for row in rows), 2200
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=384,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
    )
    model = new_model(config, 0).eval()
    probes = complete(parse_probe(row, row["id"]) for row in rows)[::2]
    instances = [
        Instance("loglikelihood", {}, (probe.prompt, f" {probe.answers[0]}"), 0) for probe in probes
    ]
    auto = HFLM(pretrained=model, tokenizer=tokenizer, batch_size="auto")
    fixed = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=64)

    def ours() -> list[tuple[float, bool]]:
        return [(a.logprob, a.correct) for a in answer_probes(model, tokenizer, probes)]

    def stock(lm: HFLM) -> list[tuple[float, bool]]:
        return lm.loglikelihood(instances, disable_tqdm=True)

    for (logprob, correct), (expected, greedy) in zip(ours(), stock(fixed), strict=True):
        assert logprob == pytest.approx(expected, abs=1e-2) and correct == greedy
    ways = {"ours": ours, "auto": partial(stock, auto), "fixed": partial(stock, fixed)}
    taken = defaultdict[str, list[float]](list)
    for name, answer in (*ways.items(),) * NUM_ROUNDS:  # CPU time: others use the machine too
        began = time.process_time()
        answer()
        taken[name].append(time.process_time() - began)
    seconds = {name: median(times) for name, times in taken.items()}
    record("eval_speed_ratio_lm_eval", seconds["auto"] / seconds["ours"], "×", n=NUM_ROUNDS)
    record(
        "eval_speed_ratio_lm_eval_batch_64", seconds["fixed"] / seconds["ours"], "×", n=NUM_ROUNDS
    )
    record("eval_probes_per_second", len(probes) / seconds["ours"], "probes/s", n=NUM_ROUNDS)
