"""What the smoke run's stages make, as digests: who changes it raises that stage's VERSION.

Without that, an artifact of older code would pass for one of the new.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from datasets import load_from_disk

from core.arms import distill, teach
from core.corpus import stage as corpus
from core.corpus.packing import COLUMNS

# Of each stage its version and what it makes. Losses are to three digits: the last ones are the machine's.
GOLDEN = {
    "corpus": ("5", "fd27e07b7f9cf36d"),
    "teacher": ("2", "7.294 7.075 6.813"),
    "core": ("5", "0.116 0.113"),
}


def digest_of(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()[:16]


def packed(run: Path) -> str:
    """Rows and packed tokens of each of the corpora."""
    parts = [(run / "corpus" / "rows.jsonl").read_bytes()]
    for name in ("full", "never_exposed", "rebound", "deduplicated"):
        told = load_from_disk(str(run / "corpus" / name)).with_format("numpy")
        columns = [column for column in COLUMNS if column in told.column_names]
        parts += [
            np.ascontiguousarray(told[column][:], dtype=np.int64).tobytes() for column in columns
        ]
    return digest_of(b"".join(parts))


def losses(folder: Path) -> str:
    rows = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return " ".join(f"{row['loss']:.3f}" for row in rows)


@pytest.mark.parametrize("stage", GOLDEN)
def test_the_same_configuration_gives_the_same(smoke_arms: Path, stage: str) -> None:
    modules = {"corpus": corpus, "teacher": teach, "core": distill}
    made = {
        "corpus": lambda: packed(smoke_arms),
        "teacher": lambda: losses(smoke_arms / "teacher"),
        "core": lambda: losses(smoke_arms / "arms" / "core"),
    }
    module = modules[stage]
    assert (module.VERSION, made[stage]()) == GOLDEN[stage], (
        f"raise VERSION in {module.__name__} and write down what it makes now"
    )
