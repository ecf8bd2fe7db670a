"""Two processes do what one does: training with twice the accumulation, scoring to the bit."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from core.signal.memory_map import MemoryMap

ROOT = Path(__file__).parents[3]
SETTINGS = [
    *("distill", "experiment=smoke", "arm=core", "distill.train.num_steps=3"),
    *("distill.train.log_steps=1", "distill.train.save_steps=2"),
    "forgetting=[weight_noise,counterfactual_target,embedding_noise,gradient_noise]",
]

# So that some tokens are flagged, though nothing was learned.
EVERY_SIGN = [
    *("memory_map.scorer.combine=mean", "memory_map.scorer.scorers.exposure.gap=1e-4"),
    "memory_map.scorer.scorers.renaming.gap=1e-4",
]

Launch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def two() -> Launch:
    """Run a command line in two processes that know of each other."""

    def run(*argv: object) -> subprocess.CompletedProcess[str]:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        return subprocess.run(
            [*launcher, "--nproc_per_node=2", "-m", "core.cli", *map(str, argv)],
            cwd=ROOT,
            env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


def copy_of(smoke_run: Path, runs: Path, *parts: str) -> Path:
    """A run with some of its parts, in a folder of its own."""
    run = runs / "smoke"
    for part in parts:
        shutil.copytree(smoke_run / part, run / part)
    return run


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_twice_the_accumulation(
    smoke_run: Path, winnow, two: Launch, tmp_path: Path
) -> None:
    """Labels are counted over both, draws differ, and one of them writes and speaks."""
    losses, weights, told = [], [], []
    for name in ("one", "two"):
        run = copy_of(smoke_run, tmp_path / name, "corpus", "teacher", "memory_map")
        settings = [*SETTINGS, f"runs_dir={run.parent}"]
        alone = [*settings, "distill.train.accumulation=2"]
        done = winnow(*alone) if name == "one" else two(*settings)
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
        arm = run / "arms" / "core"
        losses.append([json.loads(line)["loss"] for line in (arm / "metrics.jsonl").open()])
        weights.append(load_file(arm / "model.safetensors"))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5) and len(losses[0]) == 3
    for tensor, weight in weights[0].items():
        torch.testing.assert_close(weights[1][tensor], weight, rtol=0, atol=1e-5)
    assert told[1].count("core: 3 steps") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "options"),
    [
        ("map", ["memory_map.shard_tokens=4000", *EVERY_SIGN]),
        ("cache", ["cache.shard_sequences=20"]),
    ],
)
def test_two_processes_write_what_one_writes(
    verb: str, options: list[str], smoke_run: Path, winnow, two: Launch, tmp_path: Path
) -> None:
    """They share the shards, and what these make is the same to the bit."""
    written = []
    for name, command in {"one": winnow, "two": two}.items():
        run = copy_of(smoke_run, tmp_path / name, "corpus", "teacher", "arms/deduplicated")
        done = command(verb, "experiment=smoke", *options, f"runs_dir={run.parent}")
        assert done.returncode == 0, done.stderr
        if verb == "map":
            assert done.stdout.count("of distinct taught tokens are memory") == 1
            assert MemoryMap.load(run / "memory_map").flagged_ST.any()
        folder = run / {"map": "memory_map", "cache": "teacher_cache"}[verb]
        files = sorted(folder.rglob("*.safetensors"))
        written.append({path.relative_to(folder): load_file(path) for path in files})
    assert written[0].keys() == written[1].keys() and written[0]
    for name, tensors in written[0].items():
        other = written[1][name]
        assert tensors.keys() == other.keys()
        assert all(torch.equal(tensors[key], other[key]) for key in tensors)
