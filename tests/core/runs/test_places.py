"""Where nothing can be written: one line and status 2, whatever was being written."""

import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.cli.main import main
from core.corpus.packing import Encoder, pack_to_disk
from core.corpus.rows import Row, write_rows
from core.errors import explain
from core.models.loading import save_model

ROOT = Path(__file__).parents[3]
# A disk of 400 kB that fills up, is enlarged, and is made read-only.
DISK = """
import subprocess, sys
from core.cli.main import main

def mount(*options):
    if subprocess.run(["mount", *options, sys.argv[1]], stderr=subprocess.DEVNULL).returncode:
        sys.exit(77)

def winnow(verb):
    print(verb, main([verb, "experiment=smoke", f"runs_dir={sys.argv[1]}"]), flush=True)

mount("-t", "tmpfs", "-o", "size=400k", "winnow")
winnow("corpus")
mount("-o", "remount,size=100m")
winnow("corpus")
mount("-o", "remount,ro")
winnow("teach")
"""


@pytest.mark.slow
def test_a_disk_that_is_full_and_one_that_is_read_only(tmp_path: Path) -> None:
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare")
    command = ["unshare", "--mount", sys.executable, "-c", DISK, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode == 77 or done.stderr.startswith("unshare: "):
        pytest.skip("needs the right to mount")
    assert done.returncode == 0, done.stderr
    statuses = [line for line in done.stdout.splitlines() if line[-2:] in (" 0", " 2")]
    assert statuses == ["corpus 2", "corpus 0", "teach 2"], "the same command goes on"
    full, read_only = done.stderr.splitlines()
    assert full.startswith("winnow: no space left on the disk")
    assert read_only.startswith("winnow: read-only file system: ")


def test_a_folder_under_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert main(["corpus", "experiment=smoke", f"runs_dir={tmp_path}/file/runs"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("winnow: not a directory: ") and told.count("\n") == 1
    assert "choose a folder you can write to" in told


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """No file grows larger: the limit of a shell's `ulimit -f`."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


Write = Callable[[Path], object]


@pytest.fixture(params=["rows", "packed", "model", "tensors"])
def write(request, rows: list[Row], make_llama, toy_tokenizer) -> Write:
    """Write some hundred kB of each kind into a folder."""
    ways: dict[str, Write] = {
        "rows": lambda folder: write_rows(folder / "rows.jsonl", rows * 50),
        "packed": lambda folder: pack_to_disk(
            rows * 50, Encoder(toy_tokenizer), folder / "it", sequence_length=40
        ),
        "model": lambda folder: save_model(folder, make_llama(hidden_size=128), toy_tokenizer),
        "tensors": lambda folder: save_file({"x": np.ones(10**5)}, folder / "x.safetensors"),
    }
    return ways[request.param]


def test_a_full_disk_is_a_line_whatever_is_written(write: Write, tmp_path: Path) -> None:
    with pytest.raises(Exception) as caught, at_most(50_000):
        write(tmp_path)
    assert "no space left on the disk" in (explain(caught.value) or ""), repr(caught.value)
