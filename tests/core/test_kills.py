"""A run that is killed again and again ends as one that never was."""

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("WINNOW_KILLS", "4"))  # each costs seconds: more by hand


def scores(run: Path) -> list[dict[str, object]]:
    """All but what was measured by the clock."""
    told = json.loads((run / "scores.json").read_text())
    return [score for score in told if score["metric"] != "teacher_passes"]


@pytest.mark.slow
def test_a_run_killed_at_random_moments_ends_the_same(smoke_run: Path, tmp_path: Path) -> None:
    rng, killed = random.Random(7), 0
    command = [*(sys.executable, "-m", "core.cli", "run", "experiment=smoke")]
    command.append(f"runs_dir={tmp_path}")
    while True:
        # In a session of its own, so that the kill takes its workers too.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            out, _ = process.communicate(timeout=rng.uniform(6, 16) if killed < KILLS else 600)
            break
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            killed += 1
    assert process.returncode == 0, out.decode()
    assert killed > 0, "it was over before the first kill: wait less"
    run = tmp_path / "smoke"
    for folder in ("teacher", "arms/plain", "arms/core", "arms/deduplicated", "arms/rebound"):
        ours, theirs = (load_file(path / folder / "model.safetensors") for path in (run, smoke_run))
        assert all(torch.equal(ours[name], theirs[name]) for name in theirs), folder
    assert scores(run) == scores(smoke_run)
    assert not list(run.rglob("*.partial")) and not list(run.rglob("*.tmp"))
