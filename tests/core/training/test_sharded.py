"""Under FSDP2, two processes with half of every weight learn what one does that has all of them."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from accelerate.utils import prepare_multi_gpu_env
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

from core.errors import UserError
from core.training import sharded
from core.training.regularizer import Regularizer
from forgetting.counterfactual_target import CounterfactualTarget
from forgetting.gradient_noise import GradientNoise
from forgetting.memory_sink import MemorySink
from forgetting.weight_noise import WeightNoise

ROOT = Path(__file__).parents[3]
CONFIGURATION = "conf/accelerate/fsdp2.yaml"
SETTINGS = [
    *("distill", "experiment=smoke", "arm=core", "distill.train.num_steps=4", "watch.every=0"),
    *("distill.train.log_steps=1", "distill.train.save_steps=2"),
    "forgetting=[weight_noise,counterfactual_target]",
]


def launched(*argv: object) -> subprocess.CompletedProcess[str]:
    """What `accelerate launch` with the shipped configuration runs, on two CPUs."""
    args = launch_command_parser().parse_args(["--config_file", CONFIGURATION, "-"])
    asked = prepare_multi_gpu_env(_validate_launch_command(args)[0])
    env = {name: value for name, value in asked.items() if "FSDP" in name}
    assert env["FSDP_VERSION"] == "2" and env["ACCELERATE_USE_FSDP"] == "true"
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    return subprocess.run(
        [*launcher, "tests/core/training/fsdp_on_cpu.py", *map(str, argv)],
        cwd=ROOT,
        env={**os.environ, **env, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.slow
def test_two_halves_learn_what_one_process_does(smoke_run: Path, winnow, tmp_path: Path) -> None:
    losses, weights = [], []
    for name in ("one", "two"):
        run = tmp_path / name / "smoke"
        for part in ("corpus", "teacher", "memory_map"):
            shutil.copytree(smoke_run / part, run / part)
        settings = [*SETTINGS, f"runs_dir={run.parent}"]
        alone = [*settings, "distill.train.accumulation=2"]
        done = winnow(*alone) if name == "one" else launched(*settings)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count("holds 50% of the teacher") == (2 if name == "two" else 0)
        arm = run / "arms" / "core"
        losses.append([json.loads(line)["loss"] for line in (arm / "metrics.jsonl").open()])
        weights.append(load_file(arm / "model.safetensors"))
        AutoModelForCausalLM.from_pretrained(arm)
    assert losses[1] == pytest.approx(losses[0], rel=1e-5) and len(losses[0]) == 4
    assert weights[0].keys() == weights[1].keys()
    for tensor, weight in weights[0].items():
        torch.testing.assert_close(weights[1][tensor], weight, rtol=0, atol=1e-5)


@pytest.mark.slow
def test_it_is_not_watched(smoke_run: Path, tmp_path: Path) -> None:
    for part in ("corpus", "teacher", "memory_map"):
        shutil.copytree(smoke_run / part, tmp_path / "smoke" / part)
    done = launched(*SETTINGS, "watch.every=2", f"runs_dir={tmp_path}")
    told = [line for line in done.stderr.splitlines() if line.startswith("winnow: ")]
    assert done.returncode != 0 and told, done.stderr
    assert all("can't be watched while it trains: add watch.every=0" in line for line in told)


@pytest.mark.parametrize("regularizer", [GradientNoise(), MemorySink()])
def test_what_needs_the_whole_student_is_refused(regularizer: Regularizer) -> None:
    accelerator = SimpleNamespace(is_fsdp2=True)
    sharded.check_sharded(accelerator, [WeightNoise(), CounterfactualTarget()])
    with pytest.raises(UserError, match="needs the whole student in every process: launch with"):
        sharded.check_sharded(accelerator, [WeightNoise(), regularizer])
    with pytest.raises(UserError, match="FSDP1 isn't supported"):
        sharded.check_sharded(SimpleNamespace(is_fsdp2=False), [])
