"""Every verb, killed again and again, ends with what it would have made in peace."""

import hashlib
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path

import pytest
from safetensors import safe_open

from core.runs.artifacts import hash_file

ROOT = Path(__file__).parents[3]
KILLS = int(os.environ.get("WINNOW_KILLS", "4"))  # each costs seconds: more by hand
SETTINGS = [
    *("experiment=smoke", "arms=[core,deduplicated]", "distill.signal=cached"),
    *("cache.shard_sequences=40", "memory_map.shard_tokens=4000", "metric=[recitation]"),
]
VERBS = [
    *("corpus", "teach", "distill arm=deduplicated", "map", "store", "cache", "distill arm=core"),
    *("eval", "attack", "report", "export"),
]
# What the clock has a part in: speeds, and the checksums of files that tell them.
TIMED = {"metrics.jsonl", "cost.json", "artifact.json"}


def start(verb: str, runs: Path) -> subprocess.Popen[str]:
    """In a session of its own, so that a kill takes its workers too."""
    return subprocess.Popen(
        [sys.executable, "-m", "core.cli", *verb.split(), *SETTINGS, f"runs_dir={runs}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    out, _ = process.communicate(timeout=600)
    assert process.returncode == 0, out


def made(run: Path) -> Iterator[tuple[str, object]]:
    """All that a run has written, by place."""
    for path in sorted(path for path in run.rglob("*") if path.is_file()):
        if path.name == "scores.json":
            told = json.loads(path.read_text())
            yield path.name, [score for score in told if score["metric"] != "teacher_passes"]
        elif path.name == "report.html":
            clock = r"[\d-]+ [\d:]+ UTC|<section><h2>Where its time went.*?</section>"
            page = path.read_text(encoding="utf-8")
            yield path.name, re.sub(clock, "", page, flags=re.DOTALL)
        elif path.name not in TIMED:
            yield path.relative_to(run).as_posix(), content(path)


def content(path: Path) -> object:
    """What is in a file; what safetensors has about its tensors stands in any order."""
    if path.suffix != ".safetensors":
        return hash_file(path)
    with safe_open(path, framework="np") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, no mapping
        about = file.metadata() or {}
    digests = {name: hashlib.sha256(tensor).hexdigest() for name, tensor in tensors.items()}
    shapes = {name: (tensor.shape, str(tensor.dtype)) for name, tensor in tensors.items()}
    return about, digests, shapes


@pytest.mark.slow
def test_verbs_killed_at_random_moments_end_the_same(tmp_path: Path) -> None:
    rng, took, runs = random.Random(7), {}, tmp_path / "runs"
    for verb in VERBS:
        began = time.monotonic()
        finish(start(verb, runs))
        took[verb] = time.monotonic() - began
    runs.rename(tmp_path / "peace")  # what tells where it was made tells the same then
    order = rng.sample(VERBS, len(VERBS))
    wanted = list(islice(cycle(order), KILLS))  # each as often as any other
    killed = 0
    for verb in VERBS:
        for _ in range(wanted.count(verb)):
            process = start(verb, runs)
            try:
                process.communicate(timeout=rng.uniform(0.2, 0.8) * took[verb])
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.communicate()
                killed += 1
        finish(start(verb, runs))
    print(f"{killed} of {KILLS} kills came in time")
    assert killed > KILLS // 2
    ours, theirs = (dict(made(folder / "smoke")) for folder in (runs, tmp_path / "peace"))
    assert ours.keys() == theirs.keys()
    assert not [name for name in theirs if ours[name] != theirs[name]]
