"""The examples run as they stand, at a toy's budget."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOY = ["teacher.train.num_steps=4", "distill.train.num_steps=4", "packing.vocab_size=300"]
TOY += ["teacher.model.hidden_size=32", "teacher.model.num_hidden_layers=1", "attack=[quantize]"]
TOY += ["teacher.model.intermediate_size=64", "memory_map.num_sequences=8", "eval.metrics=[]"]


def test_each_example_is_run_here() -> None:
    assert {path.name for path in (ROOT / "examples").glob("*.py")} == {"own_corpus.py"}


@pytest.mark.slow
def test_a_corpus_of_your_own(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / "own_corpus.py", tmp_path, *TOY],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    told = {tuple(line.split()[:2]) for line in done.stdout.splitlines() if line.endswith("%")}
    arms = ("teacher", "plain", "core", "never_exposed")
    assert told >= {(arm, axis) for arm in arms for axis in ("recall", "reasoning")}
    assert (tmp_path / "capitals" / "report.html").exists()
