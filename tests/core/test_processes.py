"""Two processes do what one does with twice the accumulation."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

SETTINGS = [
    *("distill", "experiment=smoke", "arm=core", "distill.train.num_steps=3"),
    *("distill.train.log_steps=1", "distill.train.save_steps=2"),
    "forgetting=[weight_noise,counterfactual_target,embedding_noise,gradient_noise]",
]


@pytest.mark.slow
def test_two_processes_learn_what_one_does_with_twice_the_accumulation(
    smoke_run: Path, winnow, tmp_path: Path
) -> None:
    """Labels are counted over both, draws differ, and one of them writes and speaks."""
    losses, weights, told = [], [], []
    for name in ("one", "two"):
        run = tmp_path / name / "smoke"
        run.mkdir(parents=True)
        for part in ("corpus", "teacher", "memory_map"):
            shutil.copytree(smoke_run / part, run / part)
        settings = [*SETTINGS, f"runs_dir={run.parent}"]
        if name == "one":
            done = winnow(*settings, "distill.train.accumulation=2")
        else:
            launcher = [*(sys.executable, "-m", "torch.distributed.run", "--standalone")]
            done = subprocess.run(
                [*launcher, "--nproc_per_node=2", "-m", "core.cli", *settings],
                cwd=Path(__file__).parents[2],
                env={**os.environ, "CUDA_VISIBLE_DEVICES": ""},
                capture_output=True,
                text=True,
                timeout=300,
            )
        assert done.returncode == 0, done.stderr
        told.append(done.stdout)
        arm = run / "arms" / "core"
        losses.append([json.loads(line)["loss"] for line in (arm / "metrics.jsonl").open()])
        weights.append(load_file(arm / "model.safetensors"))
    assert losses[1] == pytest.approx(losses[0], rel=1e-5) and len(losses[0]) == 3
    for tensor, weight in weights[0].items():
        torch.testing.assert_close(weights[1][tensor], weight, rtol=0, atol=1e-5)
    assert told[1].count("core: 3 steps") == 1
