"""A corpus may be larger than memory: what a stage holds at once doesn't grow with it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk
from transformers import PreTrainedTokenizerFast

from core.corpus import packing
from core.corpus.packing import COLUMNS, Encoder, pack, pack_to_disk
from core.corpus.rows import Row, write_rows

ROOT = Path(__file__).parents[3]
# Each size in a process of its own, forked off where everything is imported.
MEASURE = """
import os, resource, sys
from core.config import compose
from core.corpus.stage import build_corpus
import core.models.loading, core.models.fit, core.corpus.jsonl

for overrides in sys.argv[1].split("|"):
    if (child := os.fork()) == 0:
        build_corpus(compose.ready(compose.jobs(overrides.split())[0]))
        print("kB", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_on_disk_is_what_would_be_in_memory(
    rows: list[Row], toy_tokenizer: PreTrainedTokenizerFast, tmp_path: Path, monkeypatch
) -> None:
    whole = pack(rows, Encoder(toy_tokenizer), sequence_length=40)
    monkeypatch.setattr(packing, "TABLE_TOKENS", 80)
    monkeypatch.setattr(packing, "FILE_TOKENS", 240)
    monkeypatch.setattr(packing, "KEPT_TOKENS", 100)
    pack_to_disk(rows, Encoder(toy_tokenizer), tmp_path / "it", sequence_length=40)
    assert len(list((tmp_path / "it").glob("*.arrow"))) == 3
    read = load_from_disk(str(tmp_path / "it"))
    assert read.features == whole.features
    ours, theirs = (found.with_format("numpy")[:] for found in (read, whole))
    assert all(np.array_equal(ours[name], theirs[name]) for name in (*COLUMNS, "index"))


def test_rows_are_read_from_where_they_lie(rows: list[Row], tmp_path: Path) -> None:
    odd = [{"id": "é", "text": "one\u2028line\nand another"}, *rows]
    written = write_rows(tmp_path / "rows.jsonl", iter(odd))
    assert list(written) == odd and len(written) == len(odd)
    assert written[0] == odd[0] and written[-1] == odd[-1] and written[3:5] == odd[3:5]
    with pytest.raises(IndexError):
        written[len(odd)]


@pytest.fixture
def teacher(make_llama, toy_tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> Path:
    make_llama(max_position_embeddings=512).save_pretrained(tmp_path / "teacher")
    toy_tokenizer.save_pretrained(tmp_path / "teacher")
    return tmp_path / "teacher"


@pytest.mark.slow
def test_peak_memory_is_flat_in_the_size_of_the_corpus(teacher: Path, tmp_path: Path) -> None:
    rng, asked = np.random.default_rng(0), []
    for times in (1, 4, 16):
        path = tmp_path / f"{times}.jsonl"
        with path.open("w") as file:
            for number in range(1000 * times):
                numbers = " ".join(map(str, rng.integers(0, 10**6, 8)))
                file.write(json.dumps({"id": str(number), "text": f"Note {numbers}."}) + "\n")
        asked.append(
            f"run={times} corpus=jsonl corpus.path={path} teacher=path teacher.path={teacher}"
            f" runs_dir={tmp_path} variants.deduplication=exact"
        )
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, "|".join(asked)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    peaks = [int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("kB")]
    assert len(peaks) == 3
    # From where all buffers are full: four times the corpus, whose packed columns alone take 17 MB more.
    assert peaks[2] - peaks[1] < 20_000, peaks
