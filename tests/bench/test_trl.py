"""A whole training step beside that of TRL's distillation trainers: speed, memory, and what limits ours.

Each side is a process of its own (`side.py`): its Trainer, data loading, clipping and optimizer included, on
the same models, text, batch and order, in float32 on two threads. Sides take their steps in turns, and their
losses are compared, so that both are seen to do the same work.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch

from core.signal.codec import Codec

pytest.importorskip("trl", reason="to be compared with; make bench installs it")

ROOT = Path(__file__).parents[2]
N_STEPS, N_PRODUCTS, THREADS = 6, 20, 2  # the first step isn't timed
SMOLLM2 = {
    **{
        "vocab_size": 49_152,
        "hidden_size": 576,
        "num_hidden_layers": 30,
        "intermediate_size": 1536,
    },
    **{"num_attention_heads": 9, "num_key_value_heads": 3, "tie_word_embeddings": True},
    **{"max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2},
}
BATCH = {"batch": 4, "length": 256, "model": SMOLLM2}
SMALL = {"vocab_size": 500, "hidden_size": 72, "num_hidden_layers": 2, "intermediate_size": 96}
SMALL_BATCH = {"batch": 2, "length": 24, "model": {**SMOLLM2, **SMALL}}
# What each side is asked for; ours computes activations again, TRL keeps them, which is faster.
OURS = {"side": "ours", "recompute": True}
CACHED = {**OURS, "cached": True}
KEEPING = {"side": "ours"}
TRL = {"side": "trl"}
TRL_RECOMPUTING = {"side": "trl", "recompute": True}  # its default
TRL_CHUNKED = {"side": "trl_chunked"}

Told = dict[str, list[dict[str, Any]]]


@contextmanager
def started(asked: dict[str, Any]) -> Iterator[subprocess.Popen[str]]:
    """The process of a side."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.bench.side", json.dumps(asked)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    environment = {**os.environ, "OMP_NUM_THREADS": str(asked["threads"])}
    with subprocess.Popen(command, cwd=ROOT, env=environment, **pipes) as process:
        try:
            yield process
        finally:
            process.kill()


def in_turns(sides: dict[str, dict[str, Any]], **common: Any) -> Told:
    """What each side tells of its steps, one step of each in turn."""
    common = {"num_steps": N_STEPS, "threads": THREADS, **common}
    told: Told = {name: [] for name in sides}
    with ExitStack() as stack:
        running = {
            name: stack.enter_context(started({**common, **asked})) for name, asked in sides.items()
        }
        for _ in range(common["num_steps"]):
            for name, process in running.items():
                process.stdin.write("\n")
                process.stdin.flush()
                told[name].append(json.loads(process.stdout.readline()))
    return told


def seconds(steps: list[dict[str, Any]]) -> float:
    return median(step["seconds"] for step in steps[1:])


def peak(steps: list[dict[str, Any]]) -> float:
    return steps[-1]["peak_bytes"]


def losses_of(told: Told, name: str) -> list[float]:
    """The losses of all steps that a side has made: the same where it has done the same work."""
    return told[name][-1]["losses"]


@pytest.mark.parametrize("divergence", ["jensen_shannon", "forward_kl"])
def test_all_sides_learn_the_same(divergence: str):
    """At every step, so that gradients and optimizer are the same too."""
    sides = {"ours": OURS, "keeping": KEEPING, "trl": TRL, "chunked": TRL_CHUNKED}
    told = in_turns(sides, divergence=divergence, num_steps=4, **SMALL_BATCH)
    losses = {name: losses_of(told, name) for name in told}
    assert len(set(losses["trl"])) == 4
    assert losses["ours"] == losses["keeping"]
    for name in ("trl", "chunked"):
        assert losses["ours"] == pytest.approx(losses[name], rel=1e-4)


@pytest.mark.parametrize(
    ("divergence", "end"), [("jensen_shannon", ""), ("forward_kl", "_forward_kl")]
)
def test_a_step_beside_trl(record, divergence: str, end: str):
    """TRL's trainer for given text, with its default divergence and with forward KL."""
    told = in_turns({"ours": OURS, "cached": CACHED, "trl": TRL}, divergence=divergence, **BATCH)
    assert losses_of(told, "ours") == pytest.approx(losses_of(told, "trl"), rel=1e-3)
    ratio = {name: seconds(told["trl"]) / seconds(told[name]) for name in ("ours", "cached")}
    n = N_STEPS - 1
    record(f"train_speed_ratio_trl{end}", ratio["ours"], "×", n=n)
    record(f"cached_speed_ratio_trl{end}", ratio["cached"], "×", n=n)
    record(f"train_memory_ratio_trl{end}", peak(told["ours"]) / peak(told["trl"]), "×", n=n)
    for name, steps in told.items():
        record(f"step_seconds_{name}{end}", seconds(steps), "s", n=n)
        record(f"step_peak_gb_{name}{end}", peak(steps) / 1e9, "GB", n=n)


@pytest.mark.parametrize(
    ("divergence", "end"), [("jensen_shannon", ""), ("forward_kl", "_forward_kl")]
)
def test_a_step_beside_the_leanest_of_trl(record, divergence: str, end: str):
    """TRL's other trainer, whose loss is in tiles too; all sides keep their activations."""
    told = in_turns({"ours": KEEPING, "trl": TRL_CHUNKED}, divergence=divergence, **BATCH)
    assert losses_of(told, "ours") == pytest.approx(losses_of(told, "trl"), rel=1e-3)
    n = N_STEPS - 1
    speed = seconds(told["trl"]) / seconds(told["ours"])
    memory = peak(told["ours"]) / peak(told["trl"])
    record(f"train_speed_ratio_trl_chunked{end}", speed, "×", n=n)
    record(f"train_memory_ratio_trl_chunked{end}", memory, "×", n=n)
    record(f"step_peak_gb_ours_keeping{end}", peak(told["ours"]) / 1e9, "GB", n=n)


def test_a_step_beside_trl_that_recomputes(record):
    """Both sides compute activations again, as TRL does by default."""
    sides = {"ours": OURS, "trl": TRL_RECOMPUTING}
    told = in_turns(sides, divergence="jensen_shannon", num_steps=3, **BATCH)
    assert losses_of(told, "ours") == pytest.approx(losses_of(told, "trl"), rel=1e-3)
    record("train_memory_ratio_trl_recomputing", peak(told["ours"]) / peak(told["trl"]), "×", n=2)


def products_per_step() -> float:
    """Floating-point operations of a step in matrix products: forward 2 a weight and token, backward 4.

    The teacher goes forward, and the student both ways; what is computed again isn't counted.
    """
    model, tokens = SMOLLM2, BATCH["batch"] * BATCH["length"]
    width, heads = model["hidden_size"], model["num_attention_heads"]
    keys = 2 * width * width * model["num_key_value_heads"] // heads
    layer = 2 * width * width + keys + 3 * width * model["intermediate_size"]
    attended = width * BATCH["length"]  # scores and values; half of each is masked
    body = model["num_hidden_layers"] * (layer + attended)
    head = width * model["vocab_size"] * (BATCH["length"] - 1) / BATCH["length"]
    return tokens * (2 + 6) * (body + head)


def test_share_of_the_limit(record):
    """How near the step comes to the matrix products that the machine can do, and where the rest goes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(THREADS)
    rows, width, inner = (
        BATCH["batch"] * BATCH["length"],
        SMOLLM2["hidden_size"],
        SMOLLM2["intermediate_size"],
    )
    x, weight = torch.randn(rows, width), torch.randn(inner, width)
    out = torch.empty(rows, inner)
    rates = []
    for _ in range(N_PRODUCTS):
        began = time.perf_counter()
        for _ in range(10):
            torch.mm(x, weight.T, out=out)
        rates.append(10 * 2 * rows * width * inner / (time.perf_counter() - began))
    torch.set_num_threads(threads)
    record("matmul_gflops_per_second", median(rates) / 1e9, "GFLOP/s", n=N_PRODUCTS)
    asked = {"ours": {**KEEPING, "profile": True}}
    told = in_turns(asked, divergence="forward_kl", **BATCH)["ours"]
    taken = seconds(told[:-1])  # the profiled one is slower
    record(
        "matmul_share", products_per_step() / taken / median(rates), "of the limit", n=N_STEPS - 2
    )
    total = sum(told[-1]["cpu_seconds"].values())
    kinds = by_kind(told[-1]["cpu_seconds"])
    assert all(kinds.values()), "an operation has another name: its time would count as other"
    for kind, spent in kinds.items():
        record(f"step_share_{kind}", spent / total, "of CPU time", n=1)


KINDS = {
    "matrix_products": ("aten::mm", "aten::addmm", "aten::addmm_", "aten::bmm", "aten::baddbmm"),
    "attention": ("aten::_scaled_dot_product_flash_attention_for_cpu",),
    "softmax": ("aten::_log_softmax", "aten::exp", "aten::exp_"),
    "optimizer": ("aten::_fused_adamw_", "aten::_foreach_norm", "aten::_foreach_mul_"),
}


def by_kind(cpu_seconds: dict[str, float]) -> dict[str, float]:
    """CPU seconds of each of `KINDS`, backward passes included, and `other`."""
    found = dict.fromkeys([*KINDS, "other"], 0.0)
    for name, spent in cpu_seconds.items():
        own = name.removesuffix("_backward")
        kind = next((kind for kind, names in KINDS.items() if own in names), "other")
        found[kind] += spent
    return found


def test_cache_size(record):
    """Of one token's distribution over SmolLM2's vocabulary."""
    size = Codec(50, SMOLLM2["vocab_size"]).row_bytes
    record("cache_bytes_per_token", size, "bytes", n=1)
    assert size <= 120
